// The settings store: an entry a slot (isa_pkg::SlotSettings), the FP32 scalars, seed and step. Every read answers a
// cycle later and keeps its answer until the next.
//   tensor_*, vector_*   lookups, whose answers are isa_pkg::Lookup; the vector unit also reads scalars
//   entry_*              the settings optimiser: reads an entry, writes its numbers (word 0) and its state
//   host_*               a word a cycle, between programs: address {0, slot, word}, {1, 0, scalar}, {1, 1, 0}
//                        seed, {1, 1, 1} step, the parts of the last three in the low bits; the slot has the bits of
//                        a slot in an instruction, so that addresses do not depend on the size
module settings_store #(
  parameter integer Slots      = 1024,  // at most isa_pkg::SlotsMax
  parameter integer SlotBits   = $clog2(Slots),
  parameter integer ScalarBits = $clog2(isa_pkg::Scalars),
  parameter integer WordBits   = isa_pkg::WordBits,
  parameter integer LookupBits = isa_pkg::LookupBits,
  parameter integer EntryBits  = isa_pkg::SlotSettingsWords * WordBits,
  parameter integer WordInEntryBits = $clog2(isa_pkg::SlotSettingsWords),
  parameter integer HostBits   = 1 + $clog2(isa_pkg::SlotsMax) + WordInEntryBits
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic                  tensor_re_i,
  input  logic [SlotBits-1:0]   tensor_addr_i,
  output logic [LookupBits-1:0] tensor_rdata_o,
  input  logic                  vector_re_i,
  input  logic [SlotBits-1:0]   vector_addr_i,
  output logic [LookupBits-1:0] vector_rdata_o,
  input  logic                  scalar_re_i,
  input  logic [ScalarBits-1:0] scalar_addr_i,
  output logic [WordBits-1:0]   scalar_rdata_o,
  output logic [WordBits-1:0]   seed_o,
  output logic [WordBits-1:0]   step_o,
  input  logic                  entry_re_i,
  input  logic                  entry_we_numbers_i,
  input  logic                  entry_we_state_i,
  input  logic [SlotBits-1:0]   entry_addr_i,
  input  logic [WordBits-1:0]   entry_numbers_i,
  input  logic [isa_pkg::SlotSettingsStateWords*WordBits-1:0] entry_state_i,
  output logic [EntryBits-1:0]  entry_rdata_o,
  input  logic                  host_re_i,
  input  logic                  host_we_i,
  input  logic [HostBits-1:0]   host_addr_i,
  input  logic [WordBits-1:0]   host_wdata_i,
  output logic [WordBits-1:0]   host_rdata_o
);
  logic                       host_slots, host_register;
  logic [WordInEntryBits-1:0] host_word;
  assign host_slots    = !host_addr_i[HostBits-1];
  assign host_register = !host_slots && host_addr_i[ScalarBits];
  assign host_word     = host_addr_i[WordInEntryBits-1:0];

  logic [SlotBits-1:0] index;
  assign index = (host_re_i || host_we_i) ? host_addr_i[WordInEntryBits +: SlotBits] : entry_addr_i;

  // Word 0 has readers of its own.
  logic [WordBits-1:0] numbers_mem [Slots];
  logic [WordBits-1:0] tensor_q, vector_q;
  always_ff @(posedge clk_i) begin
    if (entry_we_numbers_i) begin
      numbers_mem[index] <= entry_numbers_i;
    end else if (host_we_i && host_slots && host_word == '0) begin
      numbers_mem[index] <= host_wdata_i;
    end
    if (entry_re_i || host_re_i) entry_rdata_o[WordBits-1:0] <= numbers_mem[index];
    if (tensor_re_i) tensor_q <= numbers_mem[tensor_addr_i];
    if (vector_re_i) vector_q <= numbers_mem[vector_addr_i];
  end
  assign tensor_rdata_o[isa_pkg::LookupWidthLsb +: isa_pkg::LookupWidthWidth] =
    tensor_q[isa_pkg::SlotSettingsWidthLsb +: isa_pkg::LookupWidthWidth];
  assign tensor_rdata_o[isa_pkg::LookupQReadLsb +: isa_pkg::LookupQReadWidth] =
    tensor_q[isa_pkg::SlotSettingsQReadLsb +: isa_pkg::LookupQReadWidth];
  assign tensor_rdata_o[isa_pkg::LookupQWriteLsb +: isa_pkg::LookupQWriteWidth] =
    tensor_q[isa_pkg::SlotSettingsQWriteLsb +: isa_pkg::LookupQWriteWidth];
  assign tensor_rdata_o[isa_pkg::LookupRoundingLsb +: isa_pkg::LookupRoundingWidth] =
    tensor_q[isa_pkg::SlotSettingsRoundingLsb +: isa_pkg::LookupRoundingWidth];
  assign vector_rdata_o[isa_pkg::LookupWidthLsb +: isa_pkg::LookupWidthWidth] =
    vector_q[isa_pkg::SlotSettingsWidthLsb +: isa_pkg::LookupWidthWidth];
  assign vector_rdata_o[isa_pkg::LookupQReadLsb +: isa_pkg::LookupQReadWidth] =
    vector_q[isa_pkg::SlotSettingsQReadLsb +: isa_pkg::LookupQReadWidth];
  assign vector_rdata_o[isa_pkg::LookupQWriteLsb +: isa_pkg::LookupQWriteWidth] =
    vector_q[isa_pkg::SlotSettingsQWriteLsb +: isa_pkg::LookupQWriteWidth];
  assign vector_rdata_o[isa_pkg::LookupRoundingLsb +: isa_pkg::LookupRoundingWidth] =
    vector_q[isa_pkg::SlotSettingsRoundingLsb +: isa_pkg::LookupRoundingWidth];
  logic unused_bits;  // bytes are wider than what they hold, and there are fewer slots than the host could name
  assign unused_bits = ^{tensor_q, vector_q, host_addr_i};

  for (genvar w = 1; w < isa_pkg::SlotSettingsWords; w = w + 1) begin : gen_word
    localparam integer State = w - isa_pkg::SlotSettingsStateFirstWord;
    logic [WordBits-1:0] word_mem [Slots];
    logic                host_write;
    assign host_write = host_we_i && host_slots && host_word == WordInEntryBits'(w);
    if (State >= 0) begin : gen_state
      always_ff @(posedge clk_i) begin
        if (entry_we_state_i) begin
          word_mem[index] <= entry_state_i[State*WordBits +: WordBits];
        end else if (host_write) begin
          word_mem[index] <= host_wdata_i;
        end
      end
    end else begin : gen_rule
      always_ff @(posedge clk_i) if (host_write) word_mem[index] <= host_wdata_i;
    end
    always_ff @(posedge clk_i) begin
      if (entry_re_i || host_re_i) entry_rdata_o[w*WordBits +: WordBits] <= word_mem[index];
    end
  end

  logic [WordBits-1:0] scalar_mem [isa_pkg::Scalars];
  logic [ScalarBits-1:0] scalar_address;
  assign scalar_address = (host_re_i || host_we_i) ? host_addr_i[ScalarBits-1:0] : scalar_addr_i;
  always_ff @(posedge clk_i) begin
    if (host_we_i && !host_slots && !host_register) scalar_mem[scalar_address] <= host_wdata_i;
    if (scalar_re_i || host_re_i) scalar_rdata_o <= scalar_mem[scalar_address];
  end

  logic [WordInEntryBits-1:0] host_word_q;
  logic                       host_slots_q, host_register_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      seed_o          <= '0;
      step_o          <= '0;
      host_word_q     <= '0;
      host_slots_q    <= 1'b0;
      host_register_q <= 1'b0;
    end else begin
      if (host_we_i && host_register && !host_addr_i[0]) seed_o <= host_wdata_i;
      if (host_we_i && host_register && host_addr_i[0])  step_o <= host_wdata_i;
      if (host_re_i) begin
        host_word_q     <= host_word;
        host_slots_q    <= host_slots;
        host_register_q <= host_register;
      end
    end
  end
  assign host_rdata_o = host_register_q ? (host_word_q[0] ? step_o : seed_o)
                      : host_slots_q    ? entry_rdata_o[host_word_q*WordBits +: WordBits]
                                        : scalar_rdata_o;
endmodule
