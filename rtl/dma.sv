// The DMA: copies between scratchpad and HBM and within the scratchpad, and transposes within it; one
// instruction at a time. start_i takes the instruction; done_o comes with its last write, for copies to HBM
// with its last acknowledgement.
// HBM takes a request in a cycle with req_valid_o and req_ready_i, which speaks of the line that stands there;
// it answers in the order of the requests, one a cycle: the line of a read, or that a write is done. At most
// Outstanding are under way, and a place freed in a cycle can be used in the next.
module dma #(
  parameter integer Lanes       = 16,
  parameter integer Outstanding = 64,
  parameter integer Words       = isa_pkg::CopyWords > isa_pkg::TransposeWords ? isa_pkg::CopyWords
                                                                               : isa_pkg::TransposeWords
) (
  input  logic                               clk_i,
  input  logic                               rst_ni,
  input  logic                               start_i,
  input  logic [isa_pkg::WordBits*Words-1:0] instruction_i,
  output logic                               done_o,
  output logic                               r_re_o,
  output logic [31:0]                        r_addr_o,
  input  logic [isa_pkg::WordBits*Lanes-1:0] r_rdata_i,
  output logic                               w_we_o,
  output logic [31:0]                        w_addr_o,
  output logic [4*Lanes-1:0]                 w_be_o,
  output logic [isa_pkg::WordBits*Lanes-1:0] w_wdata_o,
  output logic                               req_valid_o,
  output logic                               req_write_o,
  output logic [31:0]                        req_line_o,
  output logic [4*Lanes-1:0]                 req_be_o,
  output logic [isa_pkg::WordBits*Lanes-1:0] req_wdata_o,
  input  logic                               req_ready_i,
  input  logic                               rsp_valid_i,
  input  logic [isa_pkg::WordBits*Lanes-1:0] rsp_rdata_i
);
  localparam integer LineBits    = isa_pkg::WordBits * Lanes;
  localparam integer Loops       = isa_pkg::Loops;
  localparam integer SetupCycles = isa_pkg::DmaSetupCycles;
  localparam integer WayBits     = $clog2(Outstanding + 1);

  // What the instruction says. Copy and transpose have their fields in places of their own.
  logic [isa_pkg::WordBits*Words-1:0]         instruction_q;
  logic [isa_pkg::FormatBits-1:0]             element;
  logic [Loops*isa_pkg::CopyLoopsWidth-1:0]   counts;
  logic [31:0]                                src_base, dst_base;
  logic [Loops*32-1:0]                        src_strides, dst_strides;
  logic                                       transposes, from_hbm, to_hbm, local_copy;
  assign transposes =
      instruction_q[isa_pkg::CopyOpcodeLsb +: isa_pkg::CopyOpcodeWidth] == isa_pkg::OpcodeTranspose;
  assign element =
      transposes ? instruction_q[isa_pkg::TransposeElementLsb +: isa_pkg::TransposeElementWidth]
                 : instruction_q[isa_pkg::CopyElementLsb +: isa_pkg::CopyElementWidth];
  assign counts =
      transposes ? instruction_q[isa_pkg::TransposeLoopsLsb +: Loops*isa_pkg::TransposeLoopsWidth]
                 : instruction_q[isa_pkg::CopyLoopsLsb +: Loops*isa_pkg::CopyLoopsWidth];
  assign src_base =
      transposes ? instruction_q[isa_pkg::TransposeSrcBaseLsb +: isa_pkg::TransposeSrcBaseWidth]
                 : instruction_q[isa_pkg::CopySrcBaseLsb +: isa_pkg::CopySrcBaseWidth];
  assign src_strides =
      transposes ? instruction_q[isa_pkg::TransposeSrcStrideLsb +: Loops*isa_pkg::TransposeSrcStrideWidth]
                 : instruction_q[isa_pkg::CopySrcStrideLsb +: Loops*isa_pkg::CopySrcStrideWidth];
  assign dst_base =
      transposes ? instruction_q[isa_pkg::TransposeDstBaseLsb +: isa_pkg::TransposeDstBaseWidth]
                 : instruction_q[isa_pkg::CopyDstBaseLsb +: isa_pkg::CopyDstBaseWidth];
  assign dst_strides =
      transposes ? instruction_q[isa_pkg::TransposeDstStrideLsb +: Loops*isa_pkg::TransposeDstStrideWidth]
                 : instruction_q[isa_pkg::CopyDstStrideLsb +: Loops*isa_pkg::CopyDstStrideWidth];
  assign from_hbm   = !transposes && instruction_q[isa_pkg::CopySrcSpaceLsb] == isa_pkg::SpaceHbm;
  assign to_hbm     = !transposes && instruction_q[isa_pkg::CopyDstSpaceLsb] == isa_pkg::SpaceHbm;
  assign local_copy = !transposes && !from_hbm && !to_hbm;

  logic [SetupCycles-1:0] setup_q;
  logic [WayBits-1:0]     under_way_q;
  logic [LineBits-1:0]    line_q, spread, transposed;
  logic [31:0]            read_line, write_line;
  logic [4:0]             ask_row, leave_row;
  logic [3:0]             write_be;
  logic [1:0]             read_sub, read_sub_q, source_sub;
  logic load, accept, ask, ask_last, leave, leave_last;
  logic reading_q;   // rows remain that have not been read, or asked of HBM
  logic arriving_q;  // r_rdata_i holds a row
  logic moved_q;     // line_q holds a row to be written to the scratchpad
  logic pending_q;   // a row has been read that is yet to be asked of HBM
  logic read_next, read_last, write_next, write_last;
  assign load   = setup_q[SetupCycles-1];
  assign accept = req_valid_o && req_ready_i;

  // Rows are read: a row a cycle, or when its predecessor has gone to HBM, or when the transposer asks.
  always_comb begin
    r_re_o    = reading_q && !from_hbm;
    read_next = r_re_o;
    if (from_hbm) read_next = accept;
    if (to_hbm) begin
      r_re_o    = reading_q && (!pending_q || accept);
      read_next = r_re_o;
    end
    if (transposes) begin
      r_re_o    = ask;
      read_next = ask && ask_last;
    end
  end

  // Requests to HBM: of reads from the reading walk, of writes from the writing one.
  assign req_valid_o = (from_hbm ? reading_q : pending_q) && under_way_q != WayBits'(Outstanding);
  assign req_write_o = to_hbm;
  assign req_line_o  = from_hbm ? read_line : write_line;
  assign req_be_o    = {Lanes{write_be}};
  assign req_wdata_o = arriving_q ? spread : line_q;

  // Rows are written, and the walk that writes steps on.
  assign w_we_o     = transposes ? leave : from_hbm ? rsp_valid_i : moved_q;
  assign w_addr_o   = write_line;
  assign w_be_o     = {Lanes{write_be}};
  assign w_wdata_o  = transposes ? transposed : from_hbm ? spread : line_q;
  assign write_next = transposes ? leave && leave_last : to_hbm ? accept : w_we_o;
  assign done_o     = to_hbm ? rsp_valid_i && under_way_q == WayBits'(1) && !reading_q && !pending_q
                             : write_next && write_last;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      instruction_q <= '0;
      setup_q       <= '0;
      reading_q     <= 1'b0;
      arriving_q    <= 1'b0;
      moved_q       <= 1'b0;
      pending_q     <= 1'b0;
      under_way_q   <= '0;
      read_sub_q    <= 2'd0;
    end else begin
      if (start_i) instruction_q <= instruction_i;
      setup_q     <= SetupCycles'({setup_q, start_i});
      reading_q   <= load || (reading_q && !(read_next && read_last));
      arriving_q  <= r_re_o;
      moved_q     <= arriving_q && local_copy;
      pending_q   <= to_hbm && (r_re_o || (pending_q && !accept));
      under_way_q <= under_way_q + WayBits'(accept) - WayBits'(rsp_valid_i);
      read_sub_q  <= read_sub;
    end
  end
  always_ff @(posedge clk_i) begin
    if (arriving_q) line_q <= spread;
  end

  row_walks #(.CountBits(isa_pkg::CopyLoopsWidth)) u_walks (
    .clk_i          (clk_i),
    .rst_ni         (rst_ni),
    .load_i         (load),
    .format_i       (element),
    .counts_i       (counts),
    .src_base_i     (src_base),
    .src_strides_i  (src_strides),
    .dst_base_i     (dst_base),
    .dst_strides_i  (dst_strides),
    .read_next_i    (read_next),
    .read_offset_i  (transposes ? ask_row : 5'd0),
    .read_line_o    (read_line),
    .read_sub_o     (read_sub),
    .read_last_o    (read_last),
    .write_next_i   (write_next),
    .write_offset_i (transposes ? leave_row : 5'd0),
    .write_line_o   (write_line),
    .write_be_o     (write_be),
    .source_sub_o   (source_sub),
    .write_last_o   (write_last)
  );
  assign r_addr_o = read_line;

  row_spread #(.Lanes(Lanes)) u_spread (
    .format_i (element),
    .sub_i    (from_hbm ? source_sub : read_sub_q),
    .line_i   (from_hbm ? rsp_rdata_i : r_rdata_i),
    .line_o   (spread)
  );

  transposer #(.Lanes(Lanes)) u_transposer (
    .clk_i       (clk_i),
    .rst_ni      (rst_ni),
    .src_rows_i  (instruction_q[isa_pkg::TransposeSrcRowsLsb +: isa_pkg::TransposeSrcRowsWidth]),
    .src_lanes_i (instruction_q[isa_pkg::TransposeSrcLanesLsb +: isa_pkg::TransposeSrcLanesWidth]),
    .dst_rows_i  (instruction_q[isa_pkg::TransposeDstRowsLsb +: isa_pkg::TransposeDstRowsWidth]),
    .more_i      (reading_q && transposes),
    .ask_o       (ask),
    .ask_row_o   (ask_row),
    .ask_last_o  (ask_last),
    .line_i      (spread),
    .valid_o     (leave),
    .row_o       (leave_row),
    .last_o      (leave_last),
    .line_o      (transposed)
  );

  logic unused;
  assign unused = ^instruction_q;
endmodule
