// One lane of the vector unit from converted operands to the folded value: operate, then fold, a register after
// each. Operands are there in the cycle after their random word's index; their t enters the fold a cycle later,
// with first_i (it begins a fold) and position_i. acc_o is the fold so far, of iterations that come without a
// pause. Without operate_i there are no operands, without fold_i no t: the adders' operands are isolated.
module vector_lane (
  input  logic                              clk_i,
  input  logic [isa_pkg::VectorOpBits-1:0]  op_i,
  input  logic [isa_pkg::ReductionBits-1:0] reduction_i,
  input  logic [31:0]                       key_i,
  input  logic [31:0]                       index_i,
  input  logic                              operate_i,
  input  logic [31:0]                       a_i,
  input  logic [31:0]                       b_i,
  input  logic [31:0]                       c_i,
  input  logic                              fold_i,
  input  logic                              first_i,
  input  logic [31:0]                       position_i,
  output logic [31:0]                       acc_o
);
  logic [31:0] random, t, acc, best, random_q, t_q, best_q;
  random_word u_random (.key_i(key_i), .index_i(index_i), .word_o(random));
  lane_alu u_alu (
    .op_i     (operate_i ? op_i : isa_pkg::VectorOpCopy),
    .a_i      (a_i),
    .b_i      (b_i),
    .c_i      (c_i),
    .random_i (random_q),
    .result_o (t)
  );
  lane_fold u_fold (
    .reduction_i (reduction_i),
    .first_i     (first_i || !fold_i),
    .t_i         (t_q),
    .position_i  (position_i),
    .acc_i       (acc_o),
    .best_i      (best_q),
    .acc_o       (acc),
    .best_o      (best)
  );
  always_ff @(posedge clk_i) begin
    random_q <= random;
    t_q      <= t;
    acc_o    <= acc;
    best_q   <= best;
  end
endmodule
