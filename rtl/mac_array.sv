// Lanes x Lanes processing elements: element (i, j) multiplies word i of a line a by word j of a line b.
// In a cycle with start_i, rows of start_rows_i begin from start_i's values: with by_row_i value i for all of
// row i, otherwise value j for element j. valid_i adds a step, to all rows. bank_i is the bank that
// accumulates; row_o is row row_i of the other one.
module mac_array #(
  parameter integer Lanes    = isa_pkg::LanesMin,
  parameter integer LaneBits = $clog2(Lanes)
) (
  input  logic                                      clk_i,
  input  logic                                      rst_ni,
  input  logic                                      bank_i,
  input  logic [isa_pkg::FormatBits-1:0]            format_i,
  input  logic [Lanes-1:0]                          start_rows_i,
  input  logic                                      by_row_i,
  input  logic [Lanes*isa_pkg::AccumulatorBits-1:0] start_values_i,
  input  logic                                      valid_i,
  input  logic [Lanes*isa_pkg::WordBits-1:0]        a_i,
  input  logic [Lanes*isa_pkg::WordBits-1:0]        b_i,
  input  logic [LaneBits-1:0]                       row_i,
  output logic [Lanes*isa_pkg::AccumulatorBits-1:0] row_o
);
  localparam integer Word = isa_pkg::WordBits;
  localparam integer Bits = isa_pkg::AccumulatorBits;

  logic starts;
  assign starts = start_rows_i != '0;
  for (genvar j = 0; j < Lanes; j = j + 1) begin : gen_lane
    for (genvar i = 0; i < Lanes; i = i + 1) begin : gen_row
      logic [Bits-1:0] start_value;      // zero while no row starts, so that nothing switches
      logic [Bits-1:0] drained, chosen;  // of this row; of this and the rows before
      always_comb begin
        start_value = '0;
        if (starts) start_value = by_row_i ? start_values_i[i*Bits +: Bits] : start_values_i[j*Bits +: Bits];
      end
      processing_element u_element (
        .clk_i         (clk_i),
        .rst_ni        (rst_ni),
        .bank_i        (bank_i),
        .format_i      (format_i),
        .start_i       (start_rows_i[i]),
        .start_value_i (start_value),
        .valid_i       (valid_i),
        .a_i           (a_i[i*Word +: Word]),
        .b_i           (b_i[j*Word +: Word]),
        .drained_o     (drained)
      );
      if (i == 0) begin : gen_first
        assign chosen = drained;
      end else begin : gen_next
        assign chosen = row_i == LaneBits'(i) ? drained : gen_row[i-1].chosen;
      end
    end
    assign row_o[j*Bits +: Bits] = gen_row[Lanes-1].chosen;
  end
endmodule
