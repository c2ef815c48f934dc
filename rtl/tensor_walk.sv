// The walk of the tensor unit through its tiles. From the cycle after start_i on, each cycle of a tile is a
// lead (lead_o: line line_o of the spilled accumulators it starts from, or a cycle that makes a tile of one
// step last two) or a step (step_o, fresh_o in the tile's first); tile_end_o is its last step. A tile takes as
// many cycles as it enters in, but at least leave_cycles_i, so that only one is on its way out.
// The nest's step_o and the step_i of address generators are one; the *_i stay while it runs.
module tensor_walk #(
  parameter integer CountBits = isa_pkg::TensorLoopsWidth,
  parameter integer LineBits  = isa_pkg::TensorRowCountWidth + 1
) (
  input  logic                                    clk_i,
  input  logic                                    rst_ni,
  input  logic                                    start_i,
  input  logic [isa_pkg::Loops*CountBits-1:0]     counts_i,
  input  logic [isa_pkg::TensorReduceWidth-1:0]   reduce_i,
  input  logic                                    spilled_i,       // tiles start from spilled accumulators
  input  logic [LineBits-1:0]                     spill_lines_i,   // of a tile
  input  logic [LineBits-1:0]                     leave_cycles_i,  // at least 1
  output logic                                    lead_o,
  output logic [LineBits-1:0]                     line_o,
  output logic                                    step_o,
  output logic                                    fresh_o,
  output logic                                    tile_end_o,
  output logic                                    end_o,           // and there is no other tile
  output logic [isa_pkg::Loops-1:0]               nest_step_o
);
  logic                      active_q, fresh_q, may_go, begins, tile_last;
  logic [LineBits-1:0]       lead_q, lead_cycles, leaving_q;
  logic [isa_pkg::Loops-1:0] last;
  logic [isa_pkg::Loops:0]   ends;
  loop_nest #(.CountBits(CountBits)) u_nest (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .start_i  (start_i),
    .next_i   (step_o),
    .counts_i (counts_i),
    .last_o   (last),
    .step_o   (nest_step_o)
  );
  // Bit k of last tells of loops k to 7: a tile ends with its outermost accumulating loop.
  assign ends        = {1'b1, last};
  assign tile_last   = ends[4'(isa_pkg::Loops) - reduce_i];
  assign lead_cycles = spilled_i ? spill_lines_i : LineBits'(tile_last);

  assign begins     = fresh_q && lead_q == '0;
  assign may_go     = active_q && !(begins && leaving_q != '0);
  assign lead_o     = may_go && fresh_q && lead_q != lead_cycles;
  assign step_o     = may_go && !lead_o;
  assign line_o     = lead_q;
  assign fresh_o    = fresh_q;
  assign tile_end_o = step_o && tile_last;
  assign end_o      = step_o && last[0];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      active_q  <= 1'b0;
      fresh_q   <= 1'b0;
      lead_q    <= '0;
      leaving_q <= '0;
    end else if (start_i) begin
      active_q  <= 1'b1;
      fresh_q   <= 1'b1;
      lead_q    <= '0;
      leaving_q <= '0;
    end else begin
      active_q <= active_q && !end_o;
      if (step_o) begin
        fresh_q <= tile_end_o;
        lead_q  <= '0;
      end else if (lead_o) begin
        lead_q  <= lead_q + 1'b1;
      end
      if (may_go && begins) begin
        leaving_q <= leave_cycles_i - 1'b1;
      end else if (leaving_q != '0) begin
        leaving_q <= leaving_q - 1'b1;
      end
    end
  end
endmodule
