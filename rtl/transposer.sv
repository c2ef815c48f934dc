// Transposes blocks of up to L x L elements, double buffered: a block enters row by row while the one before
// leaves column by column. A row asked for arrives in the next cycle; a block leaves from the cycle after its
// last row has arrived. Elements come at every place of their word (row_spread), and leave so. What lies
// outside src_rows and src_lanes is zero. The extents, each 1 to L, stay while blocks are inside.
module transposer #(
  parameter integer Lanes = 16
) (
  input  logic                               clk_i,
  input  logic                               rst_ni,
  input  logic [5:0]                         src_rows_i,
  input  logic [5:0]                         src_lanes_i,
  input  logic [5:0]                         dst_rows_i,
  input  logic                               more_i,      // there is a block to enter, or to go on with
  output logic                               ask_o,       // for a row, in this cycle
  output logic [4:0]                         ask_row_o,   // its number in the block
  output logic                               ask_last_o,  // it is the block's last
  input  logic [isa_pkg::WordBits*Lanes-1:0] line_i,      // the row asked for in the cycle before
  output logic                               valid_o,     // a row leaves in this cycle
  output logic [4:0]                         row_o,       // its number in the block
  output logic                               last_o,      // it is the block's last
  output logic [isa_pkg::WordBits*Lanes-1:0] line_o
);
  localparam integer WordBits = isa_pkg::WordBits;
  localparam integer LaneBits = $clog2(Lanes);

  logic [1:0] full_q;                            // a buffer holds a whole block
  logic       ask_bank_q, enter_bank_q, leave_bank_q;
  logic [4:0] ask_row_q, leave_row_q;
  logic [LaneBits-1:0] enter_row_q;
  logic       entering_q, enter_last_q, leaving_last;

  // The first row of a block arrives when its buffer's last row has left.
  assign ask_o = more_i && (ask_row_q != 5'd0 || !full_q[ask_bank_q] ||
                            (leaving_last && leave_bank_q == ask_bank_q));
  assign ask_row_o    = ask_row_q;
  assign ask_last_o   = 6'(ask_row_q) + 6'd1 == src_rows_i;
  assign valid_o      = full_q[leave_bank_q];
  assign row_o        = leave_row_q;
  assign last_o       = 6'(leave_row_q) + 6'd1 == dst_rows_i;
  assign leaving_last = valid_o && last_o;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      full_q       <= 2'b00;
      ask_bank_q   <= 1'b0;
      ask_row_q    <= 5'd0;
      entering_q   <= 1'b0;
      enter_last_q <= 1'b0;
      enter_bank_q <= 1'b0;
      enter_row_q  <= '0;
      leave_bank_q <= 1'b0;
      leave_row_q  <= 5'd0;
    end else begin
      if (ask_o) begin
        ask_row_q  <= ask_last_o ? 5'd0 : ask_row_q + 5'd1;
        ask_bank_q <= ask_bank_q ^ ask_last_o;
      end
      entering_q   <= ask_o;
      enter_last_q <= ask_last_o;
      enter_bank_q <= ask_bank_q;
      enter_row_q  <= ask_row_q[LaneBits-1:0];
      if (valid_o) begin
        leave_row_q  <= last_o ? 5'd0 : leave_row_q + 5'd1;
        leave_bank_q <= leave_bank_q ^ last_o;
      end
      if (leaving_last) full_q[leave_bank_q] <= 1'b0;
      if (entering_q && enter_last_q) full_q[enter_bank_q] <= 1'b1;
    end
  end

  logic [WordBits*Lanes-1:0] row_q[2*Lanes];
  always_ff @(posedge clk_i) begin
    if (entering_q) row_q[{enter_bank_q, enter_row_q}] <= line_i;
  end
  for (genvar k = 0; k < Lanes; k = k + 1) begin : gen_lane
    logic [WordBits*Lanes-1:0] row;
    assign row = leave_bank_q ? row_q[Lanes+k] : row_q[k];
    assign line_o[k*WordBits +: WordBits] =
        6'(k) < src_rows_i && 6'(leave_row_q) < src_lanes_i
            ? row[{leave_row_q[LaneBits-1:0], 5'b0} +: WordBits] : '0;
  end
endmodule
