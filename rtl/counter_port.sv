// The settings unit's port of the scratchpad: it moves pieces of a few words, whatever the lanes. Piece piece_i
// counts from line line_i on. What is read stands at piece_o in the next cycle.
module counter_port #(
  parameter integer Lanes     = 16,
  parameter integer PieceBits = isa_pkg::CounterMoveWords * isa_pkg::WordBits,
  parameter integer Pieces    = isa_pkg::StatisticsLines * isa_pkg::CountersPerLine / isa_pkg::CounterMoveWords,
  parameter integer NumberBits = $clog2(Pieces + 1)
) (
  input  logic                               clk_i,
  input  logic                               rst_ni,
  input  logic [31:0]                        line_i,
  input  logic [NumberBits-1:0]              number_i,  // of the piece
  input  logic [PieceBits-1:0]               piece_i,
  output logic [PieceBits-1:0]               piece_o,
  input  logic                               re_i,
  output logic [31:0]                        addr_o,  // of the line to read or write
  input  logic [isa_pkg::WordBits*Lanes-1:0] rdata_i,
  output logic [4*Lanes-1:0]                 be_o,
  output logic [isa_pkg::WordBits*Lanes-1:0] wdata_o
);
  localparam integer PerLine = Lanes / isa_pkg::CounterMoveWords;
  localparam integer Bytes   = PieceBits / 8;

  logic [31:0]           number;
  logic [NumberBits-1:0] place, place_q;  // in the line
  assign number  = 32'(number_i);
  assign addr_o  = line_i + number / PerLine;
  assign place   = NumberBits'(number % PerLine);
  assign wdata_o = {PerLine{piece_i}};
  for (genvar p = 0; p < PerLine; p = p + 1) begin : gen_enable
    assign be_o[p*Bytes +: Bytes] = {Bytes{place == NumberBits'(p)}};
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      place_q <= '0;
    end else if (re_i) begin
      place_q <= place;
    end
  end
  always_comb begin
    piece_o = '0;
    for (int p = 0; p < PerLine; p = p + 1) begin
      if (place_q == NumberBits'(p)) piece_o = rdata_i[p*PieceBits +: PieceBits];
    end
  end
endmodule
