// The settings unit: `settle` ends in S + 2; `update` reads the slot's window from the statistics database,
// looks at a bin a cycle, the highest first, decides in 16 cycles, and writes the decayed window and the entry
// back: S + 100 unless the database is busy. It does all of that in the same time where it has nothing to do.
// `take` and `give` move a slot's counters from the database to the scratchpad, S + 28, and from there to the
// database, S + 29: in a pass through it, and piece by piece at counter_port.
module settings_optimiser #(
  parameter integer WordBits  = isa_pkg::WordBits,
  parameter integer Slots     = 1024,
  parameter integer SlotBits  = $clog2(Slots),
  parameter integer PerLine   = isa_pkg::CountersPerLine,
  parameter integer LineWidth = PerLine * WordBits,
  parameter integer EntryBits = isa_pkg::SlotSettingsWords * WordBits,
  parameter integer StateBits = isa_pkg::SlotSettingsStateWords * WordBits,
  parameter integer Words     = isa_pkg::TakeWords,  // of the longest instruction
  parameter integer Pieces    = isa_pkg::StatisticsLines * PerLine / isa_pkg::CounterMoveWords,
  parameter integer PieceBits = isa_pkg::CounterMoveWords * WordBits,
  parameter integer NumberBits = $clog2(Pieces + 1)
) (
  input  logic                                     clk_i,
  input  logic                                     rst_ni,
  input  logic                                     start_i,
  input  logic [WordBits*Words-1:0]                instruction_i,
  output logic                                     done_o,
  output logic                                     req_o,  // statistics database
  output logic [SlotBits-1:0]                      slot_o,
  input  logic                                     gnt_i,
  output logic                                     write_o,
  output logic                                     give_o,
  output logic                                     take_o,
  input  logic [LineWidth-1:0]                     window_i,
  output logic [LineWidth-1:0]                     window_o,
  output logic                                     entry_re_o,  // settings store
  output logic                                     entry_we_numbers_o,
  output logic                                     entry_we_state_o,
  output logic [SlotBits-1:0]                      entry_addr_o,
  output logic [WordBits-1:0]                      entry_numbers_o,
  output logic [StateBits-1:0]                     entry_state_o,
  input  logic [EntryBits-1:0]                     entry_i,
  output logic [WordBits-1:0]                      line_o,  // scratchpad: of the first piece
  output logic [NumberBits-1:0]                    number_o,
  output logic                                     r_re_o,
  input  logic [PieceBits-1:0]                     r_piece_i,
  output logic                                     w_we_o,
  output logic [PieceBits-1:0]                     w_piece_o
);
  localparam integer Bins    = isa_pkg::HistogramBins;
  localparam integer BinBits = $clog2(Bins);
  localparam integer Lines   = isa_pkg::StatisticsLines;
  localparam integer Bits    = isa_pkg::SlotSettingsQWriteWidth;
  localparam integer HistoryBits = isa_pkg::HistoryLength * Bits;
  localparam integer CountBits   = $clog2(isa_pkg::HistoryLength + 1);

  // The cycles of Decide. In 0 the last bin is looked at; largest_q and the history hold from 1 on. In 13 all policies
  // have decided: best_o is there four cycles after the last read for a slide, predicted_o ten after LoadDivision.
  // point_choice takes 13 and 14.
  localparam integer FirstSlide   = 1;               // a read of bins, which least_error slides to a cycle later
  localparam integer LastSlide    = FirstSlide + 8;  // nine candidates
  localparam integer LoadDivision = 3;               // predicted_position begins to divide
  localparam integer LastDecision = isa_pkg::OptimiserDecisionCycles - 1;

  // Fields of the entry.
  logic [isa_pkg::PolicyBits-1:0] policy;
  logic [isa_pkg::LookupWidthWidth-1:0] width;
  logic [Bits-1:0]     decay;
  logic [isa_pkg::SlotSettingsIntervalWidth-1:0] interval;
  logic [isa_pkg::SlotSettingsWarmupWidth-1:0]   warmup;
  logic [WordBits-1:0] updates, age;
  assign policy   = entry_i[isa_pkg::SlotSettingsPolicyLsb +: isa_pkg::PolicyBits];
  assign width    = entry_i[isa_pkg::SlotSettingsWidthLsb +: isa_pkg::LookupWidthWidth];
  assign decay    = entry_i[isa_pkg::SlotSettingsDecayLsb +: Bits];
  assign interval = entry_i[isa_pkg::SlotSettingsIntervalLsb +: isa_pkg::SlotSettingsIntervalWidth];
  assign warmup   = entry_i[isa_pkg::SlotSettingsWarmupLsb +: isa_pkg::SlotSettingsWarmupWidth];
  assign updates  = entry_i[isa_pkg::SlotSettingsUpdatesLsb +: WordBits];
  assign age      = entry_i[isa_pkg::SlotSettingsAgeLsb +: WordBits];

  // What is being done; cycle_q counts the cycles of a state.
  typedef enum logic [3:0] {Idle, Settle, Read, Scan, Decide, Write, Take, Store, Load, Give} state_e;
  state_e              state_q, state_d;
  logic [BinBits-1:0]  cycle_q;
  logic [SlotBits-1:0] slot_q;
  logic [WordBits-1:0] line_q;
  logic                reading_q, pass_last, pass_present, pass_arrived, end_of_state;
  logic [isa_pkg::UpdateOpcodeWidth-1:0] opcode;
  assign opcode = instruction_i[isa_pkg::UpdateOpcodeLsb +: isa_pkg::UpdateOpcodeWidth];
  always_comb begin
    end_of_state = 1'b0;
    state_d      = state_q;
    case (state_q)
      Idle: begin
        end_of_state = start_i;
        case (opcode)
          isa_pkg::OpcodeSettle: state_d = Settle;
          isa_pkg::OpcodeTake:   state_d = Take;
          isa_pkg::OpcodeGive:   state_d = Load;
          default:               state_d = Read;
        endcase
      end
      Settle: begin
        end_of_state = cycle_q == BinBits'(1);
        state_d      = Idle;
      end
      Read: begin
        end_of_state = pass_last;
        state_d      = Scan;
      end
      Scan: begin
        end_of_state = cycle_q == BinBits'(Bins - 1);
        state_d      = Decide;
      end
      Decide: begin
        end_of_state = cycle_q == BinBits'(LastDecision);
        state_d      = Write;
      end
      Take: begin
        end_of_state = pass_last;
        state_d      = Store;
      end
      Store: begin
        end_of_state = cycle_q == BinBits'(Pieces - 1);
        state_d      = Idle;
      end
      Load: begin
        end_of_state = cycle_q == BinBits'(Pieces);
        state_d      = Give;
      end
      default: begin  // Write, Give
        end_of_state = pass_last;
        state_d      = Idle;
      end
    endcase
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q   <= Idle;
      cycle_q   <= '0;
      slot_q    <= '0;
      line_q    <= '0;
      reading_q <= 1'b0;
    end else begin
      reading_q <= state_q == Idle && start_i;
      if (end_of_state) begin
        state_q <= state_d;
        cycle_q <= '0;
      end else begin
        cycle_q <= cycle_q + 1'b1;
      end
      if (start_i) begin
        case (opcode)
          isa_pkg::OpcodeSettle: slot_q <= instruction_i[isa_pkg::SettleSlotLsb +: SlotBits];
          isa_pkg::OpcodeTake:   slot_q <= instruction_i[isa_pkg::TakeSlotLsb +: SlotBits];
          isa_pkg::OpcodeGive:   slot_q <= instruction_i[isa_pkg::GiveSlotLsb +: SlotBits];
          default:               slot_q <= instruction_i[isa_pkg::UpdateSlotLsb +: SlotBits];
        endcase
        line_q <= opcode == isa_pkg::OpcodeTake ? instruction_i[isa_pkg::TakeDstLsb +: WordBits]
                                                : instruction_i[isa_pkg::GiveSrcLsb +: WordBits];
      end
    end
  end
  logic pass, clear, load;
  assign pass   = state_q == Read || state_q == Write || state_q == Take || state_q == Give;
  assign clear  = state_q == Read;
  assign load   = state_q == Decide && cycle_q == BinBits'(LoadDivision);
  assign done_o = (state_q == Settle || state_q == Write || state_q == Store || state_q == Give) && end_of_state;
  assign take_o = state_q == Take;
  assign give_o = state_q == Give;

  localparam integer LineBits = $clog2(Lines + 1);
  logic [LineBits-1:0] unused_line;
  logic unused_words;
  assign unused_words = ^{instruction_i, entry_i};
  database_pass u_pass (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .pass_i    (pass),
    .req_o     (req_o),
    .gnt_i     (gnt_i),
    .line_o    (unused_line),
    .present_o (pass_present),
    .arrived_o (pass_arrived),
    .last_o    (pass_last)
  );
  assign slot_o = slot_q;

  // The scratchpad's pieces: none of the words after the last counter is any.
  localparam integer LastBits = isa_pkg::StatisticsWords * WordBits - (Pieces - 1) * PieceBits;
  logic [PieceBits-1:0]       piece;
  logic [Lines*LineWidth-1:0] window_q;
  assign line_o    = line_q;
  assign number_o  = NumberBits'(cycle_q);
  assign r_re_o    = state_q == Load && cycle_q != BinBits'(Pieces);
  assign w_we_o    = state_q == Store;
  assign w_piece_o = window_q[PieceBits-1:0];
  assign piece     = cycle_q == BinBits'(Pieces) ? PieceBits'(r_piece_i[LastBits-1:0]) : r_piece_i;

  // The window, or what is moved, comes in at the top, line or piece 0 first, and leaves at the bottom.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      window_q <= '0;
    end else if ((state_q == Read || state_q == Take) && pass_arrived) begin
      window_q <= {window_i, window_q[Lines*LineWidth-1:LineWidth]};
    end else if ((state_q == Write || state_q == Give) && pass_present) begin
      window_q <= {{LineWidth{1'b0}}, window_q[Lines*LineWidth-1:LineWidth]};
    end else if (state_q == Store || (state_q == Load && cycle_q != '0)) begin
      window_q <= {piece, window_q[Lines*LineWidth-1:PieceBits]};
    end
  end
  logic [LineWidth-1:0] decayed;
  assign window_o = state_q == Give ? window_q[LineWidth-1:0] : decayed;
  for (genvar w = 0; w < PerLine; w = w + 1) begin : gen_decayed
    logic [Bits-1:0] unused_fraction;
    assign {decayed[w*WordBits +: WordBits], unused_fraction} =
      (WordBits + Bits)'(window_q[w*WordBits +: WordBits]) * (WordBits + Bits)'(decay);
  end

  // Three bins are read: the scan's, and c_i, c_(w+i), c_(w+i+7) of least_error. Below bin 0 the addresses wrap
  // to bins above the largest, which are empty.
  logic [BinBits-1:0]  head_bin, middle_bin, tail_bin;
  logic [WordBits-1:0] head_q, middle_q, tail_q;
  logic [BinBits-1:0]  bin_q, largest_q;
  logic                scan_q, found_q, slide_q;
  assign head_bin   = state_q == Scan ? BinBits'(Bins - 1) - cycle_q : largest_q - cycle_q + BinBits'(FirstSlide);
  assign middle_bin = largest_q - BinBits'(width) - cycle_q + BinBits'(FirstSlide);
  assign tail_bin   = middle_bin - BinBits'(7);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      head_q    <= '0;
      middle_q  <= '0;
      tail_q    <= '0;
      bin_q     <= '0;
      largest_q <= '0;
      scan_q    <= 1'b0;
      found_q   <= 1'b0;
      slide_q   <= 1'b0;
    end else begin
      head_q   <= window_q[head_bin*WordBits +: WordBits];
      middle_q <= window_q[middle_bin*WordBits +: WordBits];
      tail_q   <= window_q[tail_bin*WordBits +: WordBits];
      bin_q    <= head_bin;
      scan_q   <= state_q == Scan;
      slide_q  <= state_q == Decide && cycle_q >= BinBits'(FirstSlide) && cycle_q <= BinBits'(LastSlide);
      if (state_q == Read) begin
        found_q <= 1'b0;
      end else if (scan_q && !found_q && head_q != '0) begin
        found_q   <= 1'b1;
        largest_q <= bin_q;
      end
    end
  end

  // The policies.
  logic signed [Bits-1:0] position, highest, q_write;
  logic [HistoryBits-1:0] history, recent;
  logic [CountBits-1:0]   history_count, recent_count;
  logic                   over;
  logic [BinBits-1:0]     over_bin;
  logic [3:0]             best;
  logic signed [Bits+2:0] predicted;
  assign position = Bits'({1'b0, largest_q}) + Bits'(isa_pkg::HistogramOrigin);
  recent_positions u_recent (
    .position_i      (position),
    .history_i       (entry_i[isa_pkg::SlotSettingsHistoryLsb +: HistoryBits]),
    .history_count_i (entry_i[isa_pkg::SlotSettingsHistoryCountLsb +: CountBits]),
    .window_i        (entry_i[isa_pkg::SlotSettingsWindowLsb +: Bits]),
    .history_o       (history),
    .history_count_o (history_count),
    .recent_o        (recent),
    .count_o         (recent_count),
    .highest_o       (highest)
  );
  overflow_point u_overflow (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .clear_i  (clear),
    .values_i (window_q[isa_pkg::StatisticsValuesLsb +: WordBits]),
    .r_max_i  (entry_i[isa_pkg::SlotSettingsRMaxLsb +: WordBits]),
    .valid_i  (scan_q),
    .bin_i    (bin_q),
    .count_i  (head_q),
    .over_o   (over),
    .bin_o    (over_bin)
  );
  least_error u_least_error (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .clear_i  (clear),
    .width_i  (width),
    .scan_i   (scan_q),
    .slide_i  (slide_q),
    .head_i   (head_q),
    .middle_i (middle_q),
    .tail_i   (tail_q),
    .best_o   (best)
  );
  predicted_position u_predicted (
    .clk_i       (clk_i),
    .rst_ni      (rst_ni),
    .load_i      (load),
    .recent_i    (recent),
    .count_i     (recent_count),
    .predicted_o (predicted)
  );
  point_choice u_choice (
    .clk_i        (clk_i),
    .rst_ni       (rst_ni),
    .policy_i     (policy),
    .width_i      (width),
    .q_write_i    (entry_i[isa_pkg::SlotSettingsQWriteLsb +: Bits]),
    .q_min_i      (entry_i[isa_pkg::SlotSettingsQMinLsb +: Bits]),
    .q_max_i      (entry_i[isa_pkg::SlotSettingsQMaxLsb +: Bits]),
    .guard_i      (entry_i[isa_pkg::SlotSettingsGuardLsb +: Bits]),
    .hysteresis_i (entry_i[isa_pkg::SlotSettingsHysteresisLsb +: Bits]),
    .position_i   (position),
    .highest_i    (highest),
    .over_i       (over),
    .over_bin_i   (over_bin),
    .best_i       (best),
    .predicted_i  (predicted),
    .q_write_o    (q_write)
  );

  // The entry: read in S + 1, written in E.
  logic [WordBits-1:0] updates_next, age_next;
  logic                acts;
  assign updates_next = &updates ? updates : updates + 1'b1;
  assign age_next     = &age ? age : age + 1'b1;
  assign acts = (updates_next <= WordBits'(warmup) || age_next >= WordBits'(interval))
             && policy != isa_pkg::PolicyStatic && found_q;
  assign write_o            = state_q == Write && acts;
  assign entry_re_o         = reading_q;
  assign entry_addr_o       = slot_q;
  assign entry_we_numbers_o = done_o && (state_q == Settle || state_q == Write);
  assign entry_we_state_o   = done_o && state_q == Write;
  logic [Bits-1:0]      q_write_before, q_write_after;
  logic [CountBits-1:0] history_count_after;
  assign history_count_after = acts ? history_count : entry_i[isa_pkg::SlotSettingsHistoryCountLsb +: CountBits];
  assign q_write_before = entry_i[isa_pkg::SlotSettingsQWriteLsb +: Bits];
  assign q_write_after  = acts ? q_write : q_write_before;
  always_comb begin
    entry_numbers_o = entry_i[WordBits-1:0];
    entry_numbers_o[isa_pkg::SlotSettingsQWriteLsb +: Bits] = state_q == Settle ? q_write_before : q_write_after;
    if (state_q == Settle) entry_numbers_o[isa_pkg::SlotSettingsQReadLsb +: Bits] = q_write_before;
  end
  localparam integer StateLsb = isa_pkg::SlotSettingsStateFirstWord * WordBits;
  always_comb begin
    entry_state_o = '0;
    entry_state_o[isa_pkg::SlotSettingsUpdatesLsb-StateLsb +: WordBits]       = updates_next;
    entry_state_o[isa_pkg::SlotSettingsAgeLsb-StateLsb +: WordBits]           = acts ? '0 : age_next;
    entry_state_o[isa_pkg::SlotSettingsHistoryLsb-StateLsb +: HistoryBits]    =
      acts ? history : entry_i[isa_pkg::SlotSettingsHistoryLsb +: HistoryBits];
    entry_state_o[isa_pkg::SlotSettingsHistoryCountLsb-StateLsb +: CountBits] = history_count_after;
  end
endmodule
