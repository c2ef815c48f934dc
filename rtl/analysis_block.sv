// The analysis block of a write-back path: counts a row of values a cycle, for one instruction, and presents
// the counts for the merge into the statistics database. A lane outside the mask is not valid; an fp32 output
// has neither saturation nor underflow.
//   A row of cycle c is in line_o from c + 1 on. clear_i sets all counters to zero; a row beside it is lost.
//   line_o is line line_i of the counts, in the order of isa_pkg::Statistics, then zeros. Counters stop at
//   their largest value.
module analysis_block #(
  parameter integer Lanes       = 16,
  parameter integer CounterBits = isa_pkg::WordBits,
  parameter integer BinBits     = $clog2(isa_pkg::HistogramBins),
  parameter integer PerLine     = isa_pkg::CountersPerLine,
  parameter integer Lines       = isa_pkg::StatisticsLines
) (
  input  logic                           clk_i,
  input  logic                           rst_ni,
  input  logic                           clear_i,
  input  logic [Lanes-1:0]               valid_i,
  input  logic [Lanes-1:0]               zero_i,
  input  logic [Lanes*BinBits-1:0]       bin_i,  // of zero: any
  input  logic [Lanes-1:0]               saturated_high_i,
  input  logic [Lanes-1:0]               saturated_low_i,
  input  logic [Lanes-1:0]               underflow_i,
  input  logic [$clog2(Lines)-1:0]       line_i,
  output logic [PerLine*CounterBits-1:0] line_o
);
  localparam integer Bins      = isa_pkg::HistogramBins;
  localparam integer Counters  = isa_pkg::StatisticsWords;
  localparam integer Others    = Counters - Bins;
  // Numbers of the counters behind the histogram, counted from there.
  localparam integer Values        = isa_pkg::StatisticsValuesLsb / isa_pkg::WordBits - Bins;
  localparam integer Zeros         = isa_pkg::StatisticsZerosLsb / isa_pkg::WordBits - Bins;
  localparam integer SaturatedHigh = isa_pkg::StatisticsSaturatedHighLsb / isa_pkg::WordBits - Bins;
  localparam integer SaturatedLow  = isa_pkg::StatisticsSaturatedLowLsb / isa_pkg::WordBits - Bins;
  localparam integer Underflows    = isa_pkg::StatisticsUnderflowsLsb / isa_pkg::WordBits - Bins;
  localparam integer CountBits = $clog2(Lanes + 1);

  // What there is to count in each lane. Nothing is, and nothing switches, in a cycle without a row.
  logic                    any;
  logic [Others*Lanes-1:0] others;
  assign any = valid_i != '0;
  assign others[Values*Lanes +: Lanes]        = valid_i;
  assign others[Zeros*Lanes +: Lanes]         = valid_i & zero_i;
  assign others[SaturatedHigh*Lanes +: Lanes] = valid_i & saturated_high_i;
  assign others[SaturatedLow*Lanes +: Lanes]  = valid_i & saturated_low_i;
  assign others[Underflows*Lanes +: Lanes]    = valid_i & underflow_i;

  // First the row's lanes are counted, then the counter takes them: a row is under way for a cycle, which
  // line_o looks past.
  logic [Lines*PerLine*CounterBits-1:0] counts;
  for (genvar c = 0; c < Lines * PerLine; c = c + 1) begin : gen_counter
    if (c < Counters) begin : gen_used
      logic [Lanes-1:0]       counted;  // lanes
      logic [CountBits-1:0]   row_d, row_q;
      logic [CounterBits-1:0] count_q;
      logic [CounterBits:0]   sum;
      if (c < Bins) begin : gen_bin
        always_comb begin
          counted = '0;
          if (any) begin
            for (int l = 0; l < Lanes; l = l + 1) counted[l] = bin_i[l*BinBits +: BinBits] == BinBits'(c);
            counted = counted & valid_i & ~zero_i;
          end
        end
      end else begin : gen_other
        assign counted = others[(c-Bins)*Lanes +: Lanes];
      end
      always_comb begin
        row_d = '0;
        if (counted != '0) begin
          for (int l = 0; l < Lanes; l = l + 1) row_d = row_d + CountBits'(counted[l]);
        end
      end
      assign sum = {1'b0, count_q} + (CounterBits + 1)'(row_q);
      assign counts[c*CounterBits +: CounterBits] = sum[CounterBits-1:0] | {CounterBits{sum[CounterBits]}};
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          row_q   <= '0;
          count_q <= '0;
        end else begin
          row_q   <= clear_i ? '0 : row_d;
          count_q <= clear_i ? '0 : counts[c*CounterBits +: CounterBits];
        end
      end
    end else begin : gen_unused
      assign counts[c*CounterBits +: CounterBits] = '0;
    end
  end
  assign line_o = counts[line_i*PerLine*CounterBits +: PerLine*CounterBits];
endmodule
