// An affine address: base + sum of loop index * stride over a nest whose counters are a loop_nest, of which
// start_i, next_i and step_i are shared; several generators can follow one nest. One adder: each loop keeps
// the address at which its inner loops began. Base and strides stay while the nest runs. Modulo 2^AddressBits.
module address_generator #(
  parameter integer AddressBits = 32
) (
  input  logic                                  clk_i,
  input  logic                                  rst_ni,
  input  logic                                  start_i,
  input  logic                                  next_i,
  input  logic [isa_pkg::Loops-1:0]             step_i,     // which loop next_i steps; none: begins anew
  input  logic [AddressBits-1:0]                base_i,
  input  logic [isa_pkg::Loops*AddressBits-1:0] strides_i,  // loop k at k * AddressBits, two's complement
  output logic [AddressBits-1:0]                address_o
);
  localparam integer Loops = isa_pkg::Loops;

  // level k: the address with the indices of loops 0 to k as they are and zero further in.
  logic [Loops*AddressBits-1:0] level_q;
  logic [AddressBits-1:0]       origin, stride, stepped;
  always_comb begin
    origin = base_i;
    stride = '0;
    for (int k = 0; k < Loops; k = k + 1) begin
      if (step_i[k]) begin
        origin = level_q[k*AddressBits +: AddressBits];
        stride = strides_i[k*AddressBits +: AddressBits];
      end
    end
  end
  assign stepped = origin + stride;

  logic [Loops-1:0] begins;  // begins[k]: loop k steps, or one further out, or all begin anew
  always_comb begin
    for (int k = 0; k < Loops; k = k + 1) begins[k] = step_i == '0 || (step_i & ~({Loops{1'b1}} << (k + 1))) != '0;
  end
  for (genvar k = 0; k < Loops; k = k + 1) begin : gen_level
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        level_q[k*AddressBits +: AddressBits] <= '0;
      end else if (start_i) begin
        level_q[k*AddressBits +: AddressBits] <= base_i;
      end else if (next_i && begins[k]) begin
        level_q[k*AddressBits +: AddressBits] <= stepped;
      end
    end
  end
  assign address_o = level_q[(Loops-1)*AddressBits +: AddressBits];
endmodule
