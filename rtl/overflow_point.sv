// Policies `overflow_rate` and `step`: where overflow begins to be too much. The bins come one a cycle, the
// highest first; over_o: from some bin on, bin_o, those counted so far are more than r_max of all values, so
// that the rate at point q is within r_max exactly when q <= w - 2 - position of bin_o, or always if not over_o.
// values_i and r_max_i are there a cycle before the first bin.
module overflow_point #(
  parameter integer WordBits = isa_pkg::WordBits,
  parameter integer BinBits  = $clog2(isa_pkg::HistogramBins)
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                clear_i,
  input  logic [WordBits-1:0] values_i,
  input  logic [WordBits-1:0] r_max_i,
  input  logic                valid_i,
  input  logic [BinBits-1:0]  bin_i,
  input  logic [WordBits-1:0] count_i,
  output logic                over_o,
  output logic [BinBits-1:0]  bin_o
);
  localparam integer SumBits = WordBits + 1;  // what is not yet too much is below 2^WordBits

  logic [SumBits-1:0]    sum, sum_q;
  logic [2*WordBits-1:0] limit_q;  // r_max is a share of 2^WordBits
  assign sum = sum_q + SumBits'(count_i);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      sum_q   <= '0;
      limit_q <= '0;
      over_o  <= 1'b0;
      bin_o   <= '0;
    end else begin
      limit_q <= (2 * WordBits)'(r_max_i) * (2 * WordBits)'(values_i);
      if (clear_i) begin
        sum_q  <= '0;
        over_o <= 1'b0;
      end else if (valid_i) begin
        sum_q <= sum;
        if (!over_o && {sum, {WordBits{1'b0}}} > (SumBits + WordBits)'(limit_q)) begin
          over_o <= 1'b1;
          bin_o  <= bin_i;
        end
      end
    end
  end
endmodule
