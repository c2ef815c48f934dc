// One step of the vector unit's fold in one lane: t enters acc (for argmax: best holds the largest t so far,
// acc its position). first_i starts the fold; without a reduction every t does. position_i is the position of
// t in the fold as binary32, the same for all lanes.
module lane_fold (
  input  logic [isa_pkg::ReductionBits-1:0] reduction_i,
  input  logic                              first_i,
  input  logic [31:0]                       t_i,
  input  logic [31:0]                       position_i,
  input  logic [31:0]                       acc_i,
  input  logic [31:0]                       best_i,
  output logic [31:0]                       acc_o,
  output logic [31:0]                       best_o
);
  logic        is_argmax, greater, less, unused_equal;
  logic [31:0] sum;
  assign is_argmax = reduction_i == isa_pkg::ReductionArgmax;
  fp32_fma u_add (
    .a_i              (acc_i),
    .b_i              (fp32_pkg::One),
    .c_i              (t_i),
    .negate_product_i (1'b0),
    .enable_i         (reduction_i == isa_pkg::ReductionAdd && !first_i),
    .result_o         (sum)
  );
  fp32_compare u_compare (
    .a_i       (t_i),
    .b_i       (is_argmax ? best_i : acc_i),
    .greater_o (greater),
    .less_o    (less),
    .equal_o   (unused_equal)
  );

  always_comb begin
    acc_o = t_i;
    if (first_i) begin
      if (is_argmax) acc_o = '0;
    end else begin
      case (reduction_i)
        isa_pkg::ReductionAdd:    acc_o = sum;
        isa_pkg::ReductionMax:    acc_o = greater ? t_i : acc_i;
        isa_pkg::ReductionMin:    acc_o = less ? t_i : acc_i;
        isa_pkg::ReductionArgmax: acc_o = greater ? position_i : acc_i;
        default: ;
      endcase
    end
  end
  assign best_o = first_i || greater ? t_i : best_i;
endmodule
