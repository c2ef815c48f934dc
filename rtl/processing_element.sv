// One multiply-accumulator of the tensor unit, with two banks: while one accumulates, the other drains.
// In a cycle with valid_i the selected bank becomes base + the dot product of the words (integers), or
// fma(a, b, base) (fp32, in the low 32 bits); base is the bank, or start_value_i with start_i. start_i alone
// loads start_value_i unchanged. drained_o is the bank that is not selected. The caller keeps a tile's steps
// in one bank and the sums within 48 bits, which otherwise wrap.
module processing_element (
  input  logic                                clk_i,
  input  logic                                rst_ni,
  input  logic                                bank_i,
  input  logic [isa_pkg::FormatBits-1:0]      format_i,
  input  logic                                start_i,
  input  logic [isa_pkg::AccumulatorBits-1:0] start_value_i,
  input  logic                                valid_i,
  input  logic [isa_pkg::WordBits-1:0]        a_i,
  input  logic [isa_pkg::WordBits-1:0]        b_i,
  output logic [isa_pkg::AccumulatorBits-1:0] drained_o
);
  localparam integer Bits = isa_pkg::AccumulatorBits;

  // fp32_fma's operands are isolated while integers are added.
  logic [Bits-1:0] bank0_q, bank1_q, base;
  logic signed [isa_pkg::WordBits:0] dot;
  logic [31:0] fused;
  logic        is_fp32;
  assign is_fp32 = format_i == isa_pkg::FormatFp32;
  assign base    = start_i ? start_value_i : bank_i ? bank1_q : bank0_q;

  int_dot u_dot (.format_i(format_i), .a_i(a_i), .b_i(b_i), .dot_o(dot));
  fp32_fma u_fma (
    .a_i              (a_i),
    .b_i              (b_i),
    .c_i              (base[31:0]),
    .negate_product_i (1'b0),
    .enable_i         (valid_i && is_fp32),
    .result_o         (fused)
  );

  logic [Bits-1:0] sum, bank_d;
  assign sum = base + Bits'(dot);
  always_comb begin
    bank_d = base;
    if (valid_i) bank_d = is_fp32 ? Bits'(fused) : sum;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      bank0_q <= '0;
      bank1_q <= '0;
    end else if (start_i || valid_i) begin
      if (bank_i) begin
        bank1_q <= bank_d;
      end else begin
        bank0_q <= bank_d;
      end
    end
  end
  assign drained_o = bank_i ? bank0_q : bank1_q;
endmodule
