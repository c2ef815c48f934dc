// Proof at a few short loops, for ever: loop_nest walks every iteration of the nest once and in order, tells the
// last and which loop steps, and no index leaves its count; address_generator is base + sum of index * stride in
// each iteration, modulo 2^AddressBits, and so within the bounds that counts and strides give.
// Broken: 1 a stride too much, 2 the last iteration told one early, 3 indices one below the count, 4 the inner
// loop outside, 5 the outermost loop never steps.
module address_proof #(
  parameter integer Broken      = 0,
  parameter integer CountBits   = 3,
  parameter integer AddressBits = 8
) (
  input logic                                  clk_i,
  input logic                                  rst_ni,
  input logic                                  start_i,
  input logic                                  next_i,
  input logic [isa_pkg::Loops*CountBits-1:0]   counts_i,
  input logic [AddressBits-1:0]                base_i,
  input logic [isa_pkg::Loops*AddressBits-1:0] strides_i
);
  localparam integer Loops = isa_pkg::Loops;

  logic [Loops-1:0]       last, step;
  logic [AddressBits-1:0] address;
  loop_nest #(.CountBits(CountBits)) u_nest (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .start_i  (start_i),
    .next_i   (next_i),
    .counts_i (counts_i),
    .last_o   (last),
    .step_o   (step)
  );
  address_generator #(.AddressBits(AddressBits)) u_address (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .start_i   (start_i),
    .next_i    (next_i),
    .step_i    (step),
    .base_i    (base_i),
    .strides_i (strides_i),
    .address_o (address)
  );

  // What a program gives stays while the nest runs, and comes with its start.
  logic                               running_q;
  logic [Loops*CountBits-1:0]         counts_q;
  logic [AddressBits-1:0]             base_q;
  logic [Loops*AddressBits-1:0]       strides_q;
  logic [Loops*CountBits-1:0]         index_q, index_d;
  logic [Loops*AddressBits-1:0]       product_q, product_d;  // index * stride, by addition
  logic [Loops-1:0]                   end_of, steps;  // end_of[k]: loop k and all inside are in the last iteration
  logic                               carry;
  always_comb begin
    carry   = 1'b1;
    index_d = index_q;
    product_d = product_q;
    end_of  = '0;
    steps   = '0;
    for (int i = 0; i < Loops; i = i + 1) begin
      for (int k = 0; k < Loops; k = k + 1) begin
        // The innermost is the last; each that ends hands on to the one outside it.
        if (k == (Broken == 4 ? i : Loops - 1 - i) && carry) begin
          if (index_q[k*CountBits +: CountBits] + 1'b1 == counts_q[k*CountBits +: CountBits]) begin
            index_d[k*CountBits +: CountBits] = '0;
            product_d[k*AddressBits +: AddressBits] = '0;
            end_of[k] = 1'b1;
          end else begin
            index_d[k*CountBits +: CountBits] = index_q[k*CountBits +: CountBits] + 1'b1;
            product_d[k*AddressBits +: AddressBits] = product_q[k*AddressBits +: AddressBits] +
              strides_q[k*AddressBits +: AddressBits];
            steps[k] = 1'b1;
            carry = 1'b0;
          end
        end
      end
    end
    if (Broken == 2 && index_q == '0) end_of[0] = 1'b1;
    if (Broken == 5) steps[0] = 1'b0;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      running_q <= 1'b0;
      counts_q  <= '0;
      base_q    <= '0;
      strides_q <= '0;
      index_q   <= '0;
      product_q <= '0;
    end else if (start_i) begin
      running_q <= 1'b1;
      counts_q  <= counts_i;
      base_q    <= base_i;
      strides_q <= strides_i;
      index_q   <= '0;
      product_q <= '0;
    end else if (next_i) begin
      index_q   <= index_d;
      product_q <= product_d;
    end
  end

  (* keep *) logic [Loops*AddressBits-1:0] level;  // joined to registers of the blocks
  (* keep *) logic [CountBits-1:0] index_0, index_1, index_2;
  logic [AddressBits-1:0] sum;
  always_comb begin
    for (int k = 0; k < Loops; k = k + 1) assume (counts_i[k*CountBits +: CountBits] != '0);
    if (running_q && !start_i) assume (counts_i == counts_q && base_i == base_q && strides_i == strides_q);
    sum = base_q;
    for (int k = 0; k < Loops; k = k + 1) begin
      sum = sum + product_q[k*AddressBits +: AddressBits];
      if (Broken == 1) sum = sum + strides_q[k*AddressBits +: AddressBits];
      if (running_q) assert (level[k*AddressBits +: AddressBits] == sum);
      if (running_q) begin
        assert (product_q[k*AddressBits +: AddressBits] ==
                index_q[k*CountBits +: CountBits] * strides_q[k*AddressBits +: AddressBits]);
        assert (index_q[k*CountBits +: CountBits] < counts_q[k*CountBits +: CountBits] - CountBits'(Broken == 3));
      end
    end
    if (running_q) begin
      assert (index_q == {index_2, index_1, index_0});
      if (!start_i) assert (last == end_of);
      if (!start_i) assert (step == steps);
      assert (address == sum);
    end
  end
  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;
  always_comb if (!begun_q) assume (!rst_ni);
endmodule
