// Policy `predictive`: P* = max(P, ceil(M + 2 D)) + T of the last n positions, P the newest: M their mean, D
// their mean distance from it, T the last rise. n^2 (M + 2 D) = n S + 2 sum |n P_i - S| with S their sum; the
// quotient by n^2 comes bit by bit. Inputs stay; load_i comes two cycles after they have come, and in
// cycle load_i + 10 predicted_o is there.
module predicted_position #(
  parameter integer Length   = isa_pkg::HistoryLength,
  parameter integer Bits     = isa_pkg::SlotSettingsHistoryWidth,
  parameter integer CountBits = $clog2(isa_pkg::HistoryLength + 1)
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
  input  logic                          load_i,
  input  logic        [Length*Bits-1:0] recent_i,  // the newest first, zeros behind the last
  input  logic        [CountBits-1:0]   count_i,
  output logic signed [Bits+2:0]        predicted_o
);
  localparam integer SumBits      = Bits + 3;       // of eight positions
  localparam integer DistanceBits = Bits + 5;       // of n P_i from S
  localparam integer ScatterBits  = DistanceBits + 3;
  localparam integer TotalBits    = ScatterBits + 2;
  localparam integer QuotientBits = Bits + 1;       // ceil(M + 2 D) + Origin
  localparam integer SquareBits   = 2 * CountBits;
  localparam integer Origin       = 1 << (Bits - 1);  // lifts every mean to 0 or above

  // n S and the distances, each a cycle after what it is made of.
  logic signed [SumBits-1:0]      sum, sum_q;
  logic signed [DistanceBits-1:0] multiple, distance, n;
  logic        [ScatterBits-1:0]  scatter, scatter_q;
  logic signed [Bits-1:0]         position;
  assign n        = DistanceBits'(count_i);
  assign multiple = n * DistanceBits'(sum_q);
  always_comb begin
    sum      = '0;
    scatter  = '0;
    distance = '0;
    position = '0;
    for (int i = 0; i < Length; i = i + 1) begin
      position = recent_i[i*Bits +: Bits];
      sum      = sum + SumBits'(position);
      distance = n * DistanceBits'(position) - DistanceBits'(sum_q);
      if (distance < 0) distance = -distance;
      if (CountBits'(i) < count_i) scatter = scatter + ScatterBits'($unsigned(distance));
    end
  end

  // ceil(x / n^2) + Origin = floor((x + (Origin + 1) n^2 - 1) / n^2)
  logic [SquareBits-1:0]   square;
  logic [TotalBits-1:0]    total, remainder_q, trial;
  logic [QuotientBits-1:0] place_q, quotient_q;
  assign square = SquareBits'(count_i) * SquareBits'(count_i);
  assign total  = TotalBits'(multiple) + {TotalBits'(scatter_q) << 1}
                + TotalBits'(square) * TotalBits'(Origin + 1) - 1'b1;
  assign trial  = TotalBits'(square) * TotalBits'(place_q);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      sum_q       <= '0;
      scatter_q   <= '0;
      remainder_q <= '0;
      place_q     <= '0;
      quotient_q  <= '0;
    end else begin
      sum_q     <= sum;
      scatter_q <= scatter;
      if (load_i) begin
        remainder_q <= total;
        quotient_q  <= '0;
        place_q     <= {1'b1, {(QuotientBits - 1){1'b0}}};
      end else begin
        place_q <= place_q >> 1;
        if (place_q != '0 && remainder_q >= trial) begin
          remainder_q <= remainder_q - trial;
          quotient_q  <= quotient_q | place_q;
        end
      end
    end
  end

  localparam integer P = Bits + 3;
  logic signed [P-1:0] newest, previous, quotient, trend;
  assign newest   = P'($signed(recent_i[0 +: Bits]));
  assign previous = count_i == CountBits'(1) ? newest : P'($signed(recent_i[Bits +: Bits]));
  assign trend    = newest > previous ? newest - previous : '0;
  assign quotient = P'({1'b0, quotient_q}) - P'(Origin);
  assign predicted_o = (quotient > newest ? quotient : newest) + trend;
endmodule
