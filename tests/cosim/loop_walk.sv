// A loop nest with two address streams on it, as a unit has them: the test's top.
module loop_walk (
  input  logic                            clk_i,
  input  logic                            rst_ni,
  input  logic                            start_i,
  input  logic                            next_i,
  input  logic [isa_pkg::Loops*16-1:0]    counts_i,
  input  logic [31:0]                     a_base_i,
  input  logic [isa_pkg::Loops*32-1:0]    a_strides_i,
  input  logic [31:0]                     b_base_i,
  input  logic [isa_pkg::Loops*32-1:0]    b_strides_i,
  output logic [31:0]                     a_address_o,
  output logic [31:0]                     b_address_o,
  output logic [isa_pkg::Loops-1:0]       last_o
);
  logic [isa_pkg::Loops-1:0] step;
  loop_nest u_nest (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .start_i  (start_i),
    .next_i   (next_i),
    .counts_i (counts_i),
    .last_o   (last_o),
    .step_o   (step)
  );
  address_generator u_a (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .start_i   (start_i),
    .next_i    (next_i),
    .step_i    (step),
    .base_i    (a_base_i),
    .strides_i (a_strides_i),
    .address_o (a_address_o)
  );
  address_generator u_b (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .start_i   (start_i),
    .next_i    (next_i),
    .step_i    (step),
    .base_i    (b_base_i),
    .strides_i (b_strides_i),
    .address_o (b_address_o)
  );
endmodule
