// Ends an instruction of the tensor or the vector unit: counts its values in an analysis block and adds them to
// its slot's entry of the statistics database. Clocked by the write-back path: its counts and last_o enter
// here as they are. With analyse_i, a grant is asked for from the cycle after last_i on, line k of the counts
// is presented in cycle k of the grant, and done_o comes after the last line; otherwise done_o is last_i.
module statistics_merge #(
  parameter integer Lanes   = isa_pkg::LanesMin,
  parameter integer BinBits = $clog2(isa_pkg::HistogramBins)
) (
  input  logic                                   clk_i,
  input  logic                                   rst_ni,
  input  logic                                   start_i,    // an instruction begins: all counts are zero
  input  logic                                   analyse_i,  // stays while it runs
  input  logic                                   last_i,     // its last write
  output logic                                   done_o,
  input  logic [Lanes-1:0]                       counted_i,
  input  logic [Lanes-1:0]                       zero_i,
  input  logic [Lanes*BinBits-1:0]               bin_i,
  input  logic [Lanes-1:0]                       saturated_high_i,
  input  logic [Lanes-1:0]                       saturated_low_i,
  input  logic [Lanes-1:0]                       underflow_i,
  // statistics database
  output logic                                   req_o,
  input  logic                                   gnt_i,
  output logic [isa_pkg::CountersPerLine*32-1:0] add_o
);
  localparam integer LineBits = $clog2(isa_pkg::StatisticsLines + 1);

  logic                merges_q, ended, unused_present, unused_arrived;
  logic [LineBits-1:0] line;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      merges_q <= 1'b0;
    end else begin
      merges_q <= (last_i && analyse_i) || (merges_q && !ended);
    end
  end
  database_pass u_pass (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .pass_i    (merges_q),
    .req_o     (req_o),
    .gnt_i     (gnt_i),
    .line_o    (line),
    .present_o (unused_present),
    .arrived_o (unused_arrived),
    .last_o    (ended)
  );
  assign done_o = ended || (last_i && !analyse_i);

  analysis_block #(.Lanes(Lanes)) u_analysis (
    .clk_i            (clk_i),
    .rst_ni           (rst_ni),
    .clear_i          (start_i),
    .valid_i          (counted_i),
    .zero_i           (zero_i),
    .bin_i            (bin_i),
    .saturated_high_i (saturated_high_i),
    .saturated_low_i  (saturated_low_i),
    .underflow_i      (underflow_i),
    .line_i           (line),
    .line_o           (add_o)
  );
endmodule
