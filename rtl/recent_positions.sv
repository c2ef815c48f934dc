// The history of a slot with the largest position of this update pushed on it, and what `max` and `predictive`
// look at: the last count_o = min(window, history) positions, the newest first, and the highest of them.
module recent_positions #(
  parameter integer Length   = isa_pkg::HistoryLength,
  parameter integer Bits     = isa_pkg::SlotSettingsHistoryWidth,
  parameter integer CountBits = $clog2(isa_pkg::HistoryLength + 1)
) (
  input  logic signed [Bits-1:0]        position_i,
  input  logic        [Length*Bits-1:0] history_i,  // the oldest first
  input  logic        [CountBits-1:0]   history_count_i,
  input  logic        [Bits-1:0]        window_i,
  output logic        [Length*Bits-1:0] history_o,
  output logic        [CountBits-1:0]   history_count_o,
  output logic        [Length*Bits-1:0] recent_o,   // zeros behind the last
  output logic        [CountBits-1:0]   count_o,
  output logic signed [Bits-1:0]        highest_o
);
  logic                   full;
  logic [Length*Bits-1:0] kept;
  logic [CountBits-1:0]   last;
  assign full            = history_count_i == CountBits'(Length);
  assign kept            = full ? history_i >> Bits : history_i;
  assign history_count_o = full ? CountBits'(Length) : history_count_i + 1'b1;
  assign last            = history_count_o - 1'b1;
  always_comb begin
    history_o = kept;
    history_o[last*Bits +: Bits] = position_i;
  end

  assign count_o = window_i == '0 ? CountBits'(1)
                 : window_i < Bits'(history_count_o) ? CountBits'(window_i) : history_count_o;
  for (genvar n = 0; n < Length; n = n + 1) begin : gen_recent
    logic [CountBits-1:0] place;
    assign place = history_count_o - CountBits'(n + 1);
    assign recent_o[n*Bits +: Bits] = CountBits'(n) < count_o ? history_o[place*Bits +: Bits] : '0;
  end

  logic signed [Bits-1:0] position;
  always_comb begin
    highest_o = position_i;
    position  = position_i;
    for (int n = 1; n < Length; n = n + 1) begin
      position = recent_o[n*Bits +: Bits];
      if (CountBits'(n) < count_o && position > highest_o) highest_o = position;
    end
  end
endmodule
