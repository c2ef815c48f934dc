// The network unit: `put` moves rows from the scratchpad, a row a cycle. To its own core, core_i, it writes them at
// port w and raises the semaphores of remote_signal with raise_o. To another core, send_o stands in place of w_we_o:
// the row leaves with the address, bytes and data of port w, for the core and with the semaphores of the instruction.
// start_i takes the instruction; done_o comes with the last row, wherever it goes.
module network_unit #(
  parameter integer Lanes = 16
) (
  input  logic                                          clk_i,
  input  logic                                          rst_ni,
  input  logic                                          start_i,
  input  logic [isa_pkg::WordBits*isa_pkg::PutWords-1:0] instruction_i,
  input  logic [isa_pkg::PutCoreWidth-1:0]              core_i,  // this one
  output logic                                          done_o,
  output logic                                          r_re_o,
  output logic [31:0]                                   r_addr_o,
  input  logic [isa_pkg::WordBits*Lanes-1:0]            r_rdata_i,
  output logic                                          w_we_o,
  output logic [31:0]                                   w_addr_o,
  output logic [4*Lanes-1:0]                            w_be_o,
  output logic [isa_pkg::WordBits*Lanes-1:0]            w_wdata_o,
  output logic [isa_pkg::Semaphores-1:0]                raise_o,
  output logic                                          send_o,
  output logic [isa_pkg::PutCoreWidth-1:0]              send_core_o,
  output logic [isa_pkg::Semaphores-1:0]                send_semaphores_o
);
  localparam integer Loops = isa_pkg::Loops;
  localparam integer SetupCycles = isa_pkg::DmaSetupCycles;

  logic [isa_pkg::WordBits*isa_pkg::PutWords-1:0] instruction_q;
  logic [isa_pkg::FormatBits-1:0]                 element;
  logic [SetupCycles-1:0]                         setup_q;
  logic load, reading_q, arriving_q, writing_q, read_last, write_last, own_q;
  assign element           = instruction_q[isa_pkg::PutElementLsb +: isa_pkg::PutElementWidth];
  assign send_core_o       = instruction_q[isa_pkg::PutCoreLsb +: isa_pkg::PutCoreWidth];
  assign send_semaphores_o = instruction_q[isa_pkg::PutRemoteSignalLsb +: isa_pkg::PutRemoteSignalWidth];
  assign load              = setup_q[SetupCycles-1];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      instruction_q <= '0;
      setup_q       <= '0;
      reading_q     <= 1'b0;
      arriving_q    <= 1'b0;
      writing_q     <= 1'b0;
      own_q         <= 1'b0;
    end else begin
      if (start_i) begin
        instruction_q <= instruction_i;
        own_q         <= instruction_i[isa_pkg::PutCoreLsb +: isa_pkg::PutCoreWidth] == core_i;
      end
      setup_q    <= SetupCycles'({setup_q, start_i});
      reading_q  <= load || (reading_q && !read_last);
      arriving_q <= reading_q;
      writing_q  <= arriving_q;
    end
  end

  logic [isa_pkg::WordBits*Lanes-1:0] line_q;
  always_ff @(posedge clk_i) begin
    if (arriving_q) line_q <= r_rdata_i;
  end

  logic [1:0] read_sub, source_sub;
  logic [3:0] write_be;
  row_walks #(.CountBits(isa_pkg::PutLoopsWidth)) u_walks (
    .clk_i          (clk_i),
    .rst_ni         (rst_ni),
    .load_i         (load),
    .format_i       (element),
    .counts_i       (instruction_q[isa_pkg::PutLoopsLsb +: Loops*isa_pkg::PutLoopsWidth]),
    .src_base_i     (instruction_q[isa_pkg::PutSrcBaseLsb +: isa_pkg::PutSrcBaseWidth]),
    .src_strides_i  (instruction_q[isa_pkg::PutSrcStrideLsb +: Loops*isa_pkg::PutSrcStrideWidth]),
    .dst_base_i     (instruction_q[isa_pkg::PutDstBaseLsb +: isa_pkg::PutDstBaseWidth]),
    .dst_strides_i  (instruction_q[isa_pkg::PutDstStrideLsb +: Loops*isa_pkg::PutDstStrideWidth]),
    .read_next_i    (reading_q),
    .read_offset_i  (5'd0),
    .read_line_o    (r_addr_o),
    .read_sub_o     (read_sub),
    .read_last_o    (read_last),
    .write_next_i   (writing_q),
    .write_offset_i (5'd0),
    .write_line_o   (w_addr_o),
    .write_be_o     (write_be),
    .source_sub_o   (source_sub),
    .write_last_o   (write_last)
  );
  row_spread #(.Lanes(Lanes)) u_spread (
    .format_i (element),
    .sub_i    (source_sub),
    .line_i   (line_q),
    .line_o   (w_wdata_o)
  );
  assign r_re_o  = reading_q;
  assign w_we_o  = writing_q && own_q;
  assign w_be_o  = {Lanes{write_be}};
  assign send_o  = writing_q && !own_q;
  assign done_o  = writing_q && write_last;
  assign raise_o = done_o && own_q ? send_semaphores_o : '0;

  logic unused;
  assign unused = ^{read_sub, instruction_q};
endmodule
