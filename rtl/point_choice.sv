// The settings optimiser's last step: the policy's target, lowered by the guard, clamped, and taken if it is
// coarser than the point for writing or finer by more than the hysteresis. q_write_o is there two cycles
// after the inputs.
module point_choice #(
  parameter integer Bits      = isa_pkg::SlotSettingsQWriteWidth,
  parameter integer BinBits   = $clog2(isa_pkg::HistogramBins),
  parameter integer WidthBits = isa_pkg::LookupWidthWidth,
  parameter integer BestBits  = 4
) (
  input  logic                                  clk_i,
  input  logic                                  rst_ni,
  input  logic        [isa_pkg::PolicyBits-1:0] policy_i,
  input  logic        [WidthBits-1:0]           width_i,
  input  logic signed [Bits-1:0]                q_write_i,
  input  logic signed [Bits-1:0]                q_min_i,
  input  logic signed [Bits-1:0]                q_max_i,
  input  logic        [Bits-1:0]                guard_i,
  input  logic        [Bits-1:0]                hysteresis_i,
  input  logic signed [Bits-1:0]                position_i,   // P
  input  logic signed [Bits-1:0]                highest_i,    // recent_positions
  input  logic                                  over_i,       // overflow_point
  input  logic        [BinBits-1:0]             over_bin_i,
  input  logic        [BestBits-1:0]            best_i,       // least_error
  input  logic signed [Bits+2:0]                predicted_i,  // predicted_position
  output logic signed [Bits-1:0]                q_write_o
);
  localparam integer W = Bits + 4;  // all targets, guarded
  localparam logic signed [W-1:0] Unlimited = W'((1 << (W - 1)) - 1);

  logic signed [W-1:0] room, q, finest, wanted, wanted_q, limited, target_q;
  logic guarded;
  assign room   = W'({1'b0, width_i}) - W'(2);  // position + point of what just fits
  assign q      = W'(q_write_i);
  assign finest = over_i ? room - W'({1'b0, over_bin_i}) - W'(isa_pkg::HistogramOrigin) : Unlimited;
  always_comb begin
    wanted  = q;
    guarded = 1'b1;
    case (policy_i)  // a row a policy
      isa_pkg::PolicyStatic:       guarded = 1'b0;
      isa_pkg::PolicyMax:          wanted = room - W'(highest_i);
      isa_pkg::PolicyOverflowRate: wanted = finest;
      isa_pkg::PolicyStep: begin
        guarded = 1'b0;
        if (q > finest) wanted = q - 1'b1;
        if (q < finest) wanted = q + 1'b1;
      end
      isa_pkg::PolicyMinError:     wanted = room - W'(position_i) + W'({1'b0, best_i});
      isa_pkg::PolicyPredictive:   wanted = room - W'(predicted_i);
      default:                     wanted = Unlimited;  // none: far off, so that a policy without a row is seen
    endcase
    if (guarded) wanted = wanted - W'({1'b0, guard_i});
  end
  always_comb begin
    limited = wanted_q;
    if (limited > W'(q_max_i)) limited = W'(q_max_i);
    if (limited < W'(q_min_i)) limited = W'(q_min_i);
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      wanted_q <= '0;
      target_q <= '0;
    end else begin
      wanted_q <= wanted;
      target_q <= limited;
    end
  end
  assign q_write_o = target_q < q || target_q - q > W'({1'b0, hysteresis_i}) ? target_q[Bits-1:0] : q_write_i;
endmodule
