// Reads a program from its memory, a line a cycle, and offers its instructions in order. Each begins at a line
// of its own. An instruction of n lines, the first addressed in cycle c, is offered from cycle c + n on; the
// first line of the next one is addressed in the cycle after take_i. Line 0 is addressed in the cycle after
// begin_i. Memory is read ahead: before its first line has come, nobody knows how long an instruction is.
module instruction_fetch #(
  parameter integer Lanes = 16,
  parameter integer Words = isa_pkg::VectorWords  // of the longest instruction
) (
  input  logic                               clk_i,
  input  logic                               rst_ni,
  input  logic                               begin_i,
  output logic                               pmem_re_o,
  output logic [31:0]                        pmem_addr_o,
  input  logic [isa_pkg::WordBits*Lanes-1:0] pmem_rdata_i,
  output logic                               valid_o,
  output logic [isa_pkg::WordBits*Words-1:0] instruction_o,
  input  logic                               take_i,  // the instruction; only where it is valid
  input  logic                               stop_i   // it was the program's last
);
  localparam integer LineBits  = isa_pkg::WordBits * Lanes;
  localparam integer Lines     = (Words + Lanes - 1) / Lanes;
  localparam integer CountBits = $clog2(Lines + 1);

  logic                     running_q, arriving_q, waiting_q;
  logic [31:0]              next_line_q;
  logic [CountBits-1:0]     count_q, needed;  // lines that have come or come now; all of them
  logic [Lines*LineBits-1:0] lines, lines_q;

  always_comb begin
    lines = lines_q;
    for (int k = 0; k < Lines; k = k + 1) begin
      if (arriving_q && count_q == CountBits'(k + 1)) lines[k*LineBits +: LineBits] = pmem_rdata_i;
    end
  end
  assign instruction_o = lines[isa_pkg::WordBits*Words-1:0];

  logic [isa_pkg::EndOpcodeWidth-1:0] opcode;
  assign opcode = instruction_o[isa_pkg::EndOpcodeLsb +: isa_pkg::EndOpcodeWidth];
  always_comb begin
    case (opcode)
      isa_pkg::OpcodeCopy:      needed = CountBits'((isa_pkg::CopyWords + Lanes - 1) / Lanes);
      isa_pkg::OpcodeTranspose: needed = CountBits'((isa_pkg::TransposeWords + Lanes - 1) / Lanes);
      isa_pkg::OpcodeTensor:    needed = CountBits'((isa_pkg::TensorWords + Lanes - 1) / Lanes);
      isa_pkg::OpcodeVector:    needed = CountBits'((isa_pkg::VectorWords + Lanes - 1) / Lanes);
      isa_pkg::OpcodeUpdate:    needed = CountBits'((isa_pkg::UpdateWords + Lanes - 1) / Lanes);
      isa_pkg::OpcodeSettle:    needed = CountBits'((isa_pkg::SettleWords + Lanes - 1) / Lanes);
      isa_pkg::OpcodeTake:      needed = CountBits'((isa_pkg::TakeWords + Lanes - 1) / Lanes);
      isa_pkg::OpcodeGive:      needed = CountBits'((isa_pkg::GiveWords + Lanes - 1) / Lanes);
      isa_pkg::OpcodePut:       needed = CountBits'((isa_pkg::PutWords + Lanes - 1) / Lanes);
      default:                  needed = CountBits'((isa_pkg::EndWords + Lanes - 1) / Lanes);
    endcase
  end
  assign valid_o     = count_q != '0 && count_q == needed;
  assign pmem_re_o   = running_q && !waiting_q;
  assign pmem_addr_o = next_line_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      running_q   <= 1'b0;
      arriving_q  <= 1'b0;
      waiting_q   <= 1'b0;
      next_line_q <= '0;
      count_q     <= '0;
    end else begin
      running_q  <= (running_q && !stop_i) || begin_i;
      arriving_q <= pmem_re_o && !valid_o;
      waiting_q  <= valid_o && !take_i && !stop_i;
      if (begin_i) next_line_q <= '0;
      else if (pmem_re_o && !valid_o) next_line_q <= next_line_q + 32'd1;
      if (begin_i || take_i || stop_i) count_q <= '0;
      else if (pmem_re_o && !valid_o) count_q <= count_q + 1'b1;
    end
  end
  always_ff @(posedge clk_i) begin
    if (arriving_q) lines_q <= lines;
  end

  if (Lines * Lanes > Words) begin : gen_unused
    logic unused;
    assign unused = ^lines[Lines*LineBits-1:isa_pkg::WordBits*Words];
  end
endmodule
