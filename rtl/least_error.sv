// Policy `min_error`: which of the nine points from w - 2 - P on, P being the largest position, has the least
// cost. With c_d the count at position P - d, candidate i costs, in the unit of models/README.md,
//   3 * 2^16 * 4^(w-1) * clip + 2^16 * round + 27 * lost,
//   clip  = sum of c_d (3 * 2^(i-1-d) - 2)^2, d < i:            clipped
//   round = sum of c_d,                       i <= d < w + i:   rounded
//   lost  = sum of c_d 4^(6 - (d - w - i)),   w + i <= d < w + i + 7: rounded to zero
// The scan collects round and lost of candidate 0; then each slide_i goes from candidate i to i + 1, given
// c_i, c_(w+i) and c_(w+i+7). Two cycles after the ninth slide best_o is there from the next cycle on.
module least_error #(
  parameter integer WordBits  = isa_pkg::WordBits,
  parameter integer BinBits   = $clog2(isa_pkg::HistogramBins),
  parameter integer WidthBits = isa_pkg::LookupWidthWidth,
  parameter integer BestBits  = 4
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 clear_i,
  input  logic [WidthBits-1:0] width_i,
  input  logic                 scan_i,    // c_d is head_i, d = 0, 1, ...; zeros may come before c_0
  input  logic                 slide_i,
  input  logic [WordBits-1:0]  head_i,    // slide: c_i
  input  logic [WordBits-1:0]  middle_i,  // slide: c_(w+i)
  input  logic [WordBits-1:0]  tail_i,    // slide: c_(w+i+7)
  output logic [BestBits-1:0]  best_o
);
  localparam integer Candidates = 9;
  localparam integer Lost       = 7;  // places below the last one to which a value still costs
  // Clipped are at most eight bins. Sums: of 4^(7-d) below 2^14.5, of 2^(7-d) below 2^8, of the squares
  // 193577 < 2^18, of 4^(6-m) below 2^12.5.
  localparam integer QuarticBits = WordBits + 15;
  localparam integer DoubledBits = WordBits + 8;
  localparam integer ClippedBits = WordBits + 3;
  localparam integer ClipBits    = WordBits + 18;
  localparam integer RoundBits   = WordBits + 4;  // at most 16 bins
  localparam integer LostBits    = WordBits + 13;
  // 3 * 2^16 * 4^15 * 193577 * 2^32 < 2^97.2, and the rest below 2^53: a cost is below 2^98. So is the least
  // one in the scale of any later candidate, being at most that candidate's own after each comparison.
  localparam integer CostBits    = WordBits + 66;

  logic                   seen, seen_q;
  logic [BinBits-1:0]     depth_q, below;  // d, and d - w
  logic [1:0]             valid_q;
  logic [QuarticBits-1:0] quartic_q;  // sum of c_d 4^(i-1-d)
  logic [DoubledBits-1:0] doubled_q;  // sum of c_d 2^(i-1-d)
  logic [ClippedBits-1:0] clipped_q;  // sum of c_d
  logic [RoundBits-1:0]   round_q, round1_q;
  logic [LostBits-1:0]    lost_q, lost1_q;
  logic [ClipBits-1:0]    clip1_q;
  logic [CostBits-1:0]    cost, cost_q, least_q;
  logic [CostBits+1:0]    rescaled;
  logic [BestBits-1:0]    candidate_q;
  assign seen  = seen_q || head_i != '0;
  assign below = depth_q - BinBits'(width_i);

  // (3 x - 2)^2 = 9 x^2 - 12 x + 4, with x = 2^(i-1-d).
  logic [ClipBits-1:0] clip;
  assign clip = ClipBits'(quartic_q) * ClipBits'(9) - ClipBits'(doubled_q) * ClipBits'(12)
              + {ClipBits'(clipped_q) << 2};
  logic [CostBits-1:0] clip_cost;
  assign clip_cost = (CostBits'(clip1_q) + {CostBits'(clip1_q) << 1}) << {width_i - 1'b1, 1'b0};
  assign cost      = ((clip_cost + CostBits'(round1_q)) << 16) + CostBits'(lost1_q) * CostBits'(27);
  assign rescaled  = {least_q, 2'b00};  // a step finer is a unit four times smaller

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      seen_q    <= 1'b0;
      depth_q   <= '0;
      quartic_q <= '0;
      doubled_q <= '0;
      clipped_q <= '0;
      round_q   <= '0;
      lost_q    <= '0;
    end else if (clear_i) begin
      seen_q    <= 1'b0;
      depth_q   <= '0;
      quartic_q <= '0;
      doubled_q <= '0;
      clipped_q <= '0;
      round_q   <= '0;
      lost_q    <= '0;
    end else if (scan_i && seen) begin
      seen_q  <= 1'b1;
      depth_q <= depth_q + 1'b1;
      if (depth_q < BinBits'(width_i)) begin
        round_q <= round_q + RoundBits'(head_i);
      end else if (below < BinBits'(Lost)) begin
        lost_q <= lost_q + {LostBits'(head_i) << {BinBits'(Lost - 1) - below, 1'b0}};
      end
    end else if (slide_i) begin
      quartic_q <= {quartic_q[QuarticBits-3:0], 2'b00} + QuarticBits'(head_i);
      doubled_q <= {doubled_q[DoubledBits-2:0], 1'b0} + DoubledBits'(head_i);
      clipped_q <= clipped_q + ClippedBits'(head_i);
      round_q   <= round_q - RoundBits'(head_i) + RoundBits'(middle_i);
      lost_q    <= ((lost_q - {LostBits'(middle_i) << (2 * (Lost - 1))}) << 2) + LostBits'(tail_i);
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q     <= '0;
      clip1_q     <= '0;
      round1_q    <= '0;
      lost1_q     <= '0;
      cost_q      <= '0;
      least_q     <= '0;
      candidate_q <= '0;
      best_o      <= '0;
    end else begin
      valid_q  <= {valid_q[0], slide_i};
      clip1_q  <= clip;
      round1_q <= round_q;
      lost1_q  <= lost_q;
      cost_q   <= cost;
      if (clear_i) begin
        candidate_q <= '0;
      end else if (valid_q[1]) begin
        candidate_q <= candidate_q + 1'b1;
        if (candidate_q == '0 || (CostBits + 2)'(cost_q) < rescaled) begin
          best_o  <= candidate_q;
          least_q <= cost_q;
        end else begin
          least_q <= rescaled[CostBits-1:0];
        end
      end
    end
  end
endmodule
