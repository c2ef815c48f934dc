// The statistics database: for each slot the counters of the window and of the total, a line of eight of both
// read a cycle and written back in the next. Ports: 0 tensor unit, 1 vector unit, 2 settings unit; the
// lowest that asks while nothing is under way is granted (gnt_o, cycle g) and has the database to g + 9.
//   merge (ports 0, 1)   in g + k line k of add_i comes; both sets take it, counters stop at their largest
//   read (port 2)        line k of the window is at window_o in g + k + 1
//   write (port 2)       in g + k line k of the window comes at window_i; the total stays
//   give (port 2)        a merge, of lines that come at window_i
//   take (port 2)        line k of the total is at window_o in g + k + 1; the window loses it, the total is zero
// Host: a word a cycle, between programs: address {slot, total, counter}, the slot with the bits that it has in an
// instruction; data read are there a cycle later.
module statistics_database #(
  parameter integer Slots     = 1024,  // at most isa_pkg::SlotsMax
  parameter integer SlotBits  = $clog2(Slots),
  parameter integer HostSlotBits = $clog2(isa_pkg::SlotsMax),
  parameter integer PerLine   = isa_pkg::CountersPerLine,
  parameter integer WordBits  = isa_pkg::WordBits,
  parameter integer LineWidth = PerLine * WordBits,
  parameter integer Lines     = isa_pkg::StatisticsLines,
  parameter integer LineBits  = $clog2(Lines + 1),
  parameter integer WordInLineBits = $clog2(PerLine),
  parameter integer HostBits  = HostSlotBits + 1 + LineBits + WordInLineBits
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,
  input  logic [2:0]                   req_i,
  input  logic [3*SlotBits-1:0]        slot_i,  // port k at k * SlotBits
  output logic [2:0]                   gnt_o,
  input  logic [2*LineWidth-1:0]       add_i,  // ports 0 and 1
  input  logic                         write_i,
  input  logic                         give_i,
  input  logic                         take_i,
  input  logic [LineWidth-1:0]         window_i,
  output logic [LineWidth-1:0]         window_o,
  input  logic                         host_re_i,
  input  logic                         host_we_i,
  input  logic [HostBits-1:0]          host_addr_i,
  input  logic [WordBits-1:0]          host_wdata_i,
  output logic [WordBits-1:0]          host_rdata_o
);
  localparam integer Depth     = Slots * Lines;
  localparam integer DepthBits = $clog2(Depth);

  // The cycle of the grant, 0 while there is none, and whose it is.
  logic [LineBits-1:0] cycle_q;
  logic [2:0]          owner, owner_q;
  logic [SlotBits-1:0] slot, slot_q;
  logic                idle, in_line;
  assign idle    = cycle_q == '0;
  assign gnt_o   = idle ? req_i & ~{|req_i[1:0], req_i[0], 1'b0} : 3'b000;
  assign owner   = idle ? gnt_o : owner_q;
  assign in_line = owner != 3'b000 && cycle_q != LineBits'(Lines);
  always_comb begin
    slot = slot_q;
    for (int k = 0; k < 3; k = k + 1) if (gnt_o[k]) slot = slot_i[k*SlotBits +: SlotBits];
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      cycle_q <= '0;
      owner_q <= '0;
      slot_q  <= '0;
    end else begin
      owner_q <= in_line ? owner : 3'b000;
      cycle_q <= in_line ? cycle_q + 1'b1 : '0;
      slot_q  <= slot;
    end
  end

  // The line that is read in this cycle is written, where it is, in the next.
  logic                      host_total, merge_q, write_q, take_q;
  logic [HostSlotBits-1:0]   host_slot;
  logic [LineBits-1:0]       host_line;
  logic [WordInLineBits-1:0] host_word;
  logic [DepthBits-1:0]      address, address_q;
  logic [LineWidth-1:0]      data_q, window, total, window_d, total_d;
  assign {host_slot, host_total, host_line, host_word} = host_addr_i;
  logic unused_bits;  // there are fewer slots than the host could name
  assign unused_bits = ^host_slot;
  assign address = (host_re_i || host_we_i)
                 ? DepthBits'(host_slot[SlotBits-1:0]) * DepthBits'(Lines) + DepthBits'(host_line)
                 : DepthBits'(slot) * DepthBits'(Lines) + DepthBits'(cycle_q);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      merge_q   <= 1'b0;
      write_q   <= 1'b0;
      take_q    <= 1'b0;
      address_q <= '0;
      data_q    <= '0;
    end else begin
      merge_q   <= in_line && (!owner[2] || give_i);
      write_q   <= in_line && owner[2] && write_i;
      take_q    <= in_line && owner[2] && take_i;
      address_q <= address;
      data_q    <= owner[2] ? window_i : owner[1] ? add_i[LineWidth +: LineWidth] : add_i[0 +: LineWidth];
    end
  end

  for (genvar w = 0; w < PerLine; w = w + 1) begin : gen_word
    logic [WordBits-1:0] window_mem [Depth];
    logic [WordBits-1:0] total_mem [Depth];
    logic [WordBits-1:0] window_q, total_q;
    logic [WordBits:0]   window_sum, total_sum;
    logic                host_write;
    assign window_sum = {1'b0, window_q} + {1'b0, data_q[w*WordBits +: WordBits]};
    assign total_sum  = {1'b0, total_q} + {1'b0, data_q[w*WordBits +: WordBits]};
    assign window_d[w*WordBits +: WordBits] = merge_q ? window_sum[WordBits-1:0] | {WordBits{window_sum[WordBits]}}
                                            : take_q  ? window_q - total_q
                                                      : data_q[w*WordBits +: WordBits];
    assign total_d[w*WordBits +: WordBits]  = take_q ? '0 : total_sum[WordBits-1:0] | {WordBits{total_sum[WordBits]}};
    assign host_write = host_we_i && host_word == WordInLineBits'(w);
    always_ff @(posedge clk_i) begin
      if (merge_q || write_q || take_q) begin
        window_mem[address_q] <= window_d[w*WordBits +: WordBits];
      end else if (host_write && !host_total) begin
        window_mem[address] <= host_wdata_i;
      end
      if (merge_q || take_q) begin
        total_mem[address_q] <= total_d[w*WordBits +: WordBits];
      end else if (host_write && host_total) begin
        total_mem[address] <= host_wdata_i;
      end
      if (in_line || host_re_i) begin
        window_q <= window_mem[address];
        total_q  <= total_mem[address];
      end
    end
    assign window[w*WordBits +: WordBits] = window_q;
    assign total[w*WordBits +: WordBits]  = total_q;
  end
  assign window_o = take_q ? total : window;

  logic                      host_total_q;
  logic [WordInLineBits-1:0] host_word_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      host_total_q <= 1'b0;
      host_word_q  <= '0;
    end else if (host_re_i) begin
      host_total_q <= host_total;
      host_word_q  <= host_word;
    end
  end
  assign host_rdata_o = host_total_q ? total[host_word_q*WordBits +: WordBits]
                                     : window[host_word_q*WordBits +: WordBits];
endmodule
