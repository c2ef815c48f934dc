// One pass of a unit through an entry of the statistics database. While pass_i is held it asks, is granted in
// some cycle g, and goes through the lines; last_o is cycle g + 9, after which pass_i falls or asks again.
//   present_o   in cycles g + k, k = 0 to 8: line line_o = k goes to the database
//   arrived_o   in cycles g + k + 1: line k of the window has come from it
module database_pass #(
  parameter integer Lines    = isa_pkg::StatisticsLines,
  parameter integer LineBits = $clog2(Lines + 1)
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                pass_i,
  output logic                req_o,
  input  logic                gnt_i,
  output logic [LineBits-1:0] line_o,
  output logic                present_o,
  output logic                arrived_o,
  output logic                last_o
);
  logic [LineBits-1:0] cycle_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      cycle_q <= '0;
    end else if (last_o) begin
      cycle_q <= '0;
    end else if (present_o) begin
      cycle_q <= cycle_q + 1'b1;
    end
  end
  assign req_o     = pass_i && cycle_q == '0;
  assign line_o    = cycle_q;
  assign last_o    = cycle_q == LineBits'(Lines);
  assign arrived_o = cycle_q != '0;
  assign present_o = gnt_i || (arrived_o && !last_o);
endmodule
