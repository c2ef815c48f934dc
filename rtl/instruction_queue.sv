// A unit's queue: first in, first out. What is pushed in a cycle can be popped from the next on, and so a
// place that is popped can be filled. The sequencer pushes only where it is not full and pops only where it is
// not empty.
module instruction_queue #(
  parameter integer Bits  = 32,
  parameter integer Depth = 8
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic            push_i,
  input  logic [Bits-1:0] instruction_i,
  input  logic            pop_i,
  output logic [Bits-1:0] instruction_o,  // the first; valid where it is not empty
  output logic            full_o,
  output logic            empty_o
);
  localparam integer PlaceBits = Depth == 1 ? 1 : $clog2(Depth);
  localparam integer CountBits = $clog2(Depth + 1);
  localparam logic [PlaceBits-1:0] Last = PlaceBits'(Depth - 1);

  logic [Bits-1:0]      place_q[Depth];
  logic [PlaceBits-1:0] first_q, free_q;
  logic [CountBits-1:0] count_q;
  assign full_o        = count_q == CountBits'(Depth);
  assign empty_o       = count_q == '0;
  assign instruction_o = place_q[first_q];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q <= '0;
      free_q  <= '0;
      count_q <= '0;
    end else begin
      if (pop_i) first_q <= first_q == Last ? '0 : first_q + 1'b1;
      if (push_i) free_q <= free_q == Last ? '0 : free_q + 1'b1;
      count_q <= count_q + CountBits'(push_i) - CountBits'(pop_i);
    end
  end
  always_ff @(posedge clk_i) begin
    if (push_i) place_q[free_q] <= instruction_i;
  end
endmodule
