// Comparison of two binary32 values as IEEE 754 has it: -0 equals +0, and nothing holds of a NaN.
module fp32_compare (
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic        greater_o,
  output logic        less_o,
  output logic        equal_o
);
  logic ordered, both_zero, a_below;
  assign ordered   = a_i[30:0] <= fp32_pkg::Infinity && b_i[30:0] <= fp32_pkg::Infinity;
  assign both_zero = a_i[30:0] == '0 && b_i[30:0] == '0;
  assign a_below   = a_i[31] != b_i[31] ? a_i[31] : a_i[31] ? a_i[30:0] > b_i[30:0] : a_i[30:0] < b_i[30:0];

  assign equal_o   = ordered && (a_i == b_i || both_zero);
  assign less_o    = ordered && !equal_o && a_below;
  assign greater_o = ordered && !equal_o && !a_below;
endmodule
