// The counters of an instruction's loop nest, loop 0 outermost. start_i sets all indices to zero; each next_i
// steps the innermost loop with carries, and after the last iteration begins anew. Counts are at least 1 and
// stay while the nest runs.
//   last_o[k]   loops k and all inner ones are in their last iteration: last_o[0] ends the nest
//   step_o[k]   next_i would step loop k (one bit, or none at the end of the nest)
module loop_nest #(
  parameter integer CountBits = 16
) (
  input  logic                                clk_i,
  input  logic                                rst_ni,
  input  logic                                start_i,
  input  logic                                next_i,
  input  logic [isa_pkg::Loops*CountBits-1:0] counts_i,  // loop k at k * CountBits
  output logic [isa_pkg::Loops-1:0]           last_o,
  output logic [isa_pkg::Loops-1:0]           step_o
);
  localparam integer Loops = isa_pkg::Loops;

  logic [Loops-1:0] at_end, advance;  // advance[k]: all loops inside k wrap
  logic             wraps;
  always_comb begin
    wraps = 1'b1;
    for (int k = Loops - 1; k >= 0; k = k - 1) begin
      advance[k] = wraps;
      step_o[k]  = wraps && !at_end[k];
      wraps      = wraps && at_end[k];
      last_o[k]  = wraps;
    end
  end
  for (genvar k = 0; k < Loops; k = k + 1) begin : gen_loop
    logic [CountBits-1:0] index_q;
    assign at_end[k] = index_q == counts_i[k*CountBits +: CountBits] - 1'b1;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        index_q <= '0;
      end else if (start_i) begin
        index_q <= '0;
      end else if (next_i && advance[k]) begin
        index_q <= at_end[k] ? '0 : index_q + 1'b1;
      end
    end
  end
endmodule
