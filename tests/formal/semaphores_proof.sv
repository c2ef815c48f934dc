// Proof at a few units and semaphores, for ever: a semaphore is what was raised less what was taken, so nothing is
// lost; a unit takes only what it waits for and asked for, never below zero, with the lower units first; and a
// unit that can take, does.
// Broken: 1 raises beside a grant are lost, 2 the higher unit takes first, 3 a unit need not wait for semaphore
// 0, 4 clearing keeps what is raised in that cycle.
module semaphores_proof #(
  parameter integer Broken  = 0,
  parameter integer Units   = 2,
  parameter integer Raisers = 2
) (
  input logic                                   clk_i,
  input logic                                   rst_ni,
  input logic                                   clear_i,
  input logic [Units-1:0]                       request_i,
  input logic [Units*isa_pkg::Semaphores-1:0]   wait_i,
  input logic [Raisers*isa_pkg::Semaphores-1:0] raise_i
);
  localparam integer Semaphores = isa_pkg::Semaphores;

  (* keep *) logic [Semaphores*32-1:0] value;  // joined to the register of the block
  logic [Units-1:0] grant;
  semaphores #(.Units(Units), .Raisers(Raisers)) u_semaphores (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .clear_i   (clear_i),
    .request_i (request_i),
    .wait_i    (wait_i),
    .grant_o   (grant),
    .raise_i   (raise_i)
  );

  // The counters again: what is taken is counted, one unit after the other, instead of shifted through masks.
  logic [Semaphores*32-1:0] count_q, count_d, taken, raised;
  logic [Units-1:0]         expected;
  integer                   turn;
  always_comb begin
    taken    = '0;
    raised   = '0;
    expected = '0;
    for (int k = 0; k < Units; k = k + 1) begin
      turn = Broken == 2 ? Units - 1 - k : k;
      expected[turn] = request_i[turn];
      for (int s = 0; s < Semaphores; s = s + 1) begin
        if (wait_i[turn*Semaphores + s] && count_q[s*32 +: 32] <= taken[s*32 +: 32] && !(Broken == 3 && s == 0)) begin
          expected[turn] = 1'b0;
        end
      end
      for (int s = 0; s < Semaphores; s = s + 1) begin
        if (expected[turn] && wait_i[turn*Semaphores + s]) taken[s*32 +: 32] = taken[s*32 +: 32] + 1;
      end
    end
    for (int r = 0; r < Raisers; r = r + 1) begin
      for (int s = 0; s < Semaphores; s = s + 1) begin
        if (raise_i[r*Semaphores + s] && !(Broken == 1 && expected != '0)) begin
          raised[s*32 +: 32] = raised[s*32 +: 32] + 1;
        end
      end
    end
    for (int s = 0; s < Semaphores; s = s + 1) begin
      count_d[s*32 +: 32] = count_q[s*32 +: 32] + raised[s*32 +: 32] - taken[s*32 +: 32];
    end
    if (clear_i && !(Broken == 4 && raise_i != '0)) count_d = '0;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) count_q <= '0;
    else count_q <= count_d;
  end

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;
  always_comb begin
    if (!begun_q) assume (!rst_ni);
    if (begun_q) begin
      assert (value == count_q);
      assert (grant == expected);
      for (int s = 0; s < Semaphores; s = s + 1) begin
        assert (taken[s*32 +: 32] <= count_q[s*32 +: 32]);
      end
    end
  end
endmodule
