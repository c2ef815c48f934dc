// The vector unit: a row of operands a cycle through operation, fold and write-back path, then the merge of
// what was counted. The first iteration's address is in the cycle setup_cycles + 1 after start_i; its line, its
// conversion, operation and fold follow in a cycle each, and a folded row is written write_back_cycles later.
// instruction_i counts in the cycle of start_i, which may come from the cycle after done_o on. Reads answer in
// the next cycle. seed, step, slots and scalars stay while an instruction runs.
module vector_unit #(
  parameter integer Lanes         = 16,
  parameter integer SlotPointBits = isa_pkg::LookupQReadWidth,
  parameter integer WidthBits     = isa_pkg::LookupWidthWidth,
  parameter integer LookupBits    = isa_pkg::LookupBits,
  parameter integer Slots         = 1024,
  parameter integer SlotBits      = $clog2(Slots)
) (
  input  logic                                  clk_i,
  input  logic                                  rst_ni,
  input  logic                                  start_i,
  input  logic [32*isa_pkg::VectorWords-1:0]    instruction_i,
  output logic                                  done_o,
  // settings store
  output logic                                  slot_re_o,
  output logic [SlotBits-1:0]                   slot_addr_o,
  input  logic [LookupBits-1:0]                 slot_rdata_i,  // isa_pkg::Lookup
  output logic                                  scalar_re_o,
  output logic [$clog2(isa_pkg::Scalars)-1:0]   scalar_addr_o,
  input  logic [31:0]                           scalar_rdata_i,
  input  logic [31:0]                           seed_i,
  input  logic [31:0]                           step_i,
  // scratchpad, addressed by lines
  output logic                                  a_re_o,
  output logic [31:0]                           a_addr_o,
  input  logic [32*Lanes-1:0]                   a_rdata_i,
  output logic                                  b_re_o,
  output logic [31:0]                           b_addr_o,
  input  logic [32*Lanes-1:0]                   b_rdata_i,
  output logic                                  c_re_o,
  output logic [31:0]                           c_addr_o,
  input  logic [32*Lanes-1:0]                   c_rdata_i,
  output logic                                  o_we_o,
  output logic [31:0]                           o_addr_o,
  output logic [4*Lanes-1:0]                    o_be_o,
  output logic [32*Lanes-1:0]                   o_wdata_o,
  // statistics database
  output logic                                  req_o,
  output logic [SlotBits-1:0]                   slot_o,
  input  logic                                  gnt_i,
  output logic [isa_pkg::CountersPerLine*32-1:0] add_o
);
  localparam integer Loops     = isa_pkg::Loops;
  localparam integer Setup     = isa_pkg::SetupCycles;
  localparam integer CountBits = isa_pkg::VectorLoopsWidth;
  localparam integer Operands  = 3;
  localparam integer Bits      = isa_pkg::AccumulatorBits;
  localparam integer BinBits   = $clog2(isa_pkg::HistogramBins);

  // The instruction. phase_q[k] is set in the cycle k + 1 after start_i.
  logic [32*isa_pkg::VectorWords-1:0] instruction_q;
  logic [Setup:0]                     phase_q;
  logic                               load;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      phase_q <= '0;
    end else begin
      phase_q <= {phase_q[Setup-1:0], start_i};
    end
  end
  always_ff @(posedge clk_i) if (start_i) instruction_q <= instruction_i;
  assign load = phase_q[Setup-1];

  logic [isa_pkg::VectorOpBits-1:0]  op;
  logic [isa_pkg::ReductionBits-1:0] reduction;
  logic [3:0]                        outer;  // loops that are not folded
  logic [31:0]                       lane_stride;
  assign op          = instruction_q[isa_pkg::VectorOpLsb +: isa_pkg::VectorOpWidth];
  assign reduction   = instruction_q[isa_pkg::VectorReductionLsb +: isa_pkg::VectorReductionWidth];
  assign outer       = 4'(Loops) - instruction_q[isa_pkg::VectorReduceLsb +: isa_pkg::VectorReduceWidth];
  assign lane_stride = instruction_q[isa_pkg::VectorXLaneStrideLsb +: isa_pkg::VectorXLaneStrideWidth];
  assign slot_o      = instruction_q[isa_pkg::VectorSlotOLsb +: SlotBits];

  // Which operands the operation reads.
  logic [Operands-1:0] used;
  always_comb begin
    case (op)
      isa_pkg::VectorOpRandom: used = 3'b000;
      isa_pkg::VectorOpCopy, isa_pkg::VectorOpF2i, isa_pkg::VectorOpI2f: used = 3'b001;
      isa_pkg::VectorOpFma, isa_pkg::VectorOpFnma, isa_pkg::VectorOpSelectEq, isa_pkg::VectorOpSelectGt:
        used = 3'b111;
      default: used = 3'b011;
    endcase
  end

  // Lookups: the slots of a, b, c and o, one a cycle, and the scalars beside them.
  logic [Operands*SlotBits-1:0]                 operand_slot;
  logic [Operands-1:0]                          operand_is_scalar;
  logic [Operands*$clog2(isa_pkg::Scalars)-1:0] operand_scalar;
  logic [WidthBits-1:0]                         width_q;
  logic signed [SlotPointBits-1:0]              q_write_q, slot_q_read;
  logic [isa_pkg::RoundingBits-1:0]             rounding_q;
  logic [31:0]                                  key, key_q;
  assign slot_re_o   = phase_q[Operands:0] != '0;
  assign scalar_re_o = (phase_q[Operands-1:0] & operand_is_scalar) != '0;
  always_comb begin
    slot_addr_o   = slot_o;
    scalar_addr_o = '0;
    for (int k = 0; k < Operands; k = k + 1) begin
      if (phase_q[k]) begin
        slot_addr_o   = operand_slot[k*SlotBits +: SlotBits];
        scalar_addr_o = operand_scalar[k*$clog2(isa_pkg::Scalars) +: $clog2(isa_pkg::Scalars)];
      end
    end
  end
  assign slot_q_read = slot_rdata_i[isa_pkg::LookupQReadLsb +: isa_pkg::LookupQReadWidth];
  random_key #(.SlotBits(SlotBits)) u_key (.seed_i(seed_i), .step_i(step_i), .slot_i(slot_o), .key_o(key));
  always_ff @(posedge clk_i) begin
    if (phase_q[Operands+1]) begin
      width_q    <= slot_rdata_i[isa_pkg::LookupWidthLsb +: isa_pkg::LookupWidthWidth];
      q_write_q  <= slot_rdata_i[isa_pkg::LookupQWriteLsb +: isa_pkg::LookupQWriteWidth];
      rounding_q <= slot_rdata_i[isa_pkg::LookupRoundingLsb +: isa_pkg::LookupRoundingWidth];
      key_q      <= key;
    end
  end

  // Iterations, one a cycle. ends: the fold of a row ends with this one.
  logic             running_q, ends;
  logic [Loops-1:0] nest_last, nest_step;
  loop_nest #(.CountBits(CountBits)) u_nest (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .start_i  (load),
    .next_i   (running_q),
    .counts_i (instruction_q[isa_pkg::VectorLoopsLsb +: Loops*CountBits]),
    .last_o   (nest_last),
    .step_o   (nest_step)
  );
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      running_q <= 1'b0;
    end else begin
      running_q <= load || (running_q && !nest_last[0]);
    end
  end
  always_comb begin
    ends = 1'b1;  // nothing is folded
    for (int k = 0; k < Loops; k = k + 1) if (outer == 4'(k)) ends = nest_last[k];
  end

  // Iterations in the stages after their address: read, convert, operate, fold, and the folded row.
  localparam integer Convert = 1;
  localparam integer Operate = 2;
  localparam integer Fold    = 3;
  localparam integer Folded  = isa_pkg::VectorPipelineCycles - 1;
  logic [Folded:0] valid_q, ends_q, last_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= '0;
      ends_q  <= '0;
      last_q  <= '0;
    end else begin
      valid_q <= {valid_q[Folded-1:0], running_q};
      ends_q  <= {ends_q[Folded-1:0], ends};
      last_q  <= {last_q[Folded-1:0], nest_last[0]};
    end
  end

  // Operands: read and converted.
  logic [Operands-1:0]          operand_re;
  logic [Operands*32-1:0]       operand_addr;
  logic [Operands*32*Lanes-1:0] operand_rdata, operand_row;
  assign operand_rdata = {c_rdata_i, b_rdata_i, a_rdata_i};
  assign {c_re_o, b_re_o, a_re_o}       = operand_re;
  assign {c_addr_o, b_addr_o, a_addr_o} = operand_addr;
  for (genvar k = 0; k < Operands; k = k + 1) begin : gen_operand
    localparam integer Offset = k * (isa_pkg::VectorBKindLsb - isa_pkg::VectorAKindLsb);
    logic [isa_pkg::OperandKindBits-1:0] kind;
    logic [31:0]                         base;
    assign kind = used[k] ? instruction_q[isa_pkg::VectorAKindLsb + Offset +: isa_pkg::OperandKindBits]
                          : isa_pkg::OperandKindNone;
    assign base = instruction_q[isa_pkg::VectorAAtBaseLsb + Offset +: 32];
    assign operand_slot[k*SlotBits +: SlotBits] = instruction_q[isa_pkg::VectorASlotLsb + Offset +: SlotBits];
    assign operand_is_scalar[k] = kind == isa_pkg::OperandKindScalar;
    assign operand_scalar[k*$clog2(isa_pkg::Scalars) +: $clog2(isa_pkg::Scalars)] =
        base[$clog2(isa_pkg::Scalars)-1:0];
    vector_operand #(.Lanes(Lanes)) u_operand (
      .clk_i     (clk_i),
      .rst_ni    (rst_ni),
      .kind_i    (kind),
      .format_i  (instruction_q[isa_pkg::VectorAFormatLsb + Offset +: isa_pkg::FormatBits]),
      .base_i    (base),
      .strides_i (instruction_q[isa_pkg::VectorAAtStrideLsb + Offset +: Loops*32]),
      .lookup_i  (phase_q[k+1]),
      .q_i       (slot_q_read),
      .scalar_i  (scalar_rdata_i),
      .start_i   (load),
      .next_i    (running_q),
      .step_i    (nest_step),
      .re_o      (operand_re[k]),
      .addr_o    (operand_addr[k*32 +: 32]),
      .rdata_i   (operand_rdata[k*32*Lanes +: 32*Lanes]),
      .row_o     (operand_row[k*32*Lanes +: 32*Lanes])
    );
  end

  // Output row and index: they follow the nest two cycles later, and the folded loops do not move them.
  logic [Loops-1:0]    step1_q, step2_q;
  logic [Loops*32-1:0] o_strides, x_strides;
  logic [31:0]         o_row, x_index;
  always_ff @(posedge clk_i) begin
    step1_q <= nest_step;
    step2_q <= step1_q;
  end
  always_comb begin
    o_strides = '0;
    x_strides = '0;
    for (int k = 0; k < Loops; k = k + 1) begin
      if (outer > 4'(k)) begin
        o_strides[k*32 +: 32] = instruction_q[isa_pkg::VectorOStrideLsb + 32*k +: 32];
        x_strides[k*32 +: 32] = instruction_q[isa_pkg::VectorXStrideLsb + 32*k +: 32];
      end
    end
  end
  address_generator u_row (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .start_i   (load),
    .next_i    (valid_q[Convert]),
    .step_i    (step2_q),
    .base_i    (instruction_q[isa_pkg::VectorOBaseLsb +: 32]),
    .strides_i (o_strides),
    .address_o (o_row)
  );
  address_generator u_index (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .start_i   (load),
    .next_i    (valid_q[Convert]),
    .step_i    (step2_q),
    .base_i    (instruction_q[isa_pkg::VectorXBaseLsb +: 32]),
    .strides_i (x_strides),
    .address_o (x_index)
  );
  // With the row through the stages operate, fold and folded.
  logic [31:0] row3_q, row4_q, row5_q, index3_q, index4_q, index5_q;
  always_ff @(posedge clk_i) begin
    {row3_q, row4_q, row5_q}       <= {o_row, row3_q, row4_q};
    {index3_q, index4_q, index5_q} <= {x_index, index3_q, index4_q};
  end

  // Position in the fold; first_q begins one.
  logic            first_q;
  logic [Bits-1:0] position_q;
  logic [31:0]     position;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q    <= 1'b1;
      position_q <= '0;
    end else if (valid_q[Fold]) begin
      first_q    <= ends_q[Fold];
      position_q <= ends_q[Fold] ? '0 : position_q + 1'b1;
    end
  end
  int_to_fp32 #(.Width(Bits), .PointBits(1)) u_position (
    .value_i  (position_q),
    .point_i  (1'b0),
    .result_o (position)
  );

  // Lanes, and their values for the write-back path.
  logic [Bits*Lanes-1:0] values;
  for (genvar j = 0; j < Lanes; j = j + 1) begin : gen_lane
    logic [31:0] acc;
    vector_lane u_lane (
      .clk_i       (clk_i),
      .op_i        (op),
      .reduction_i (reduction),
      .key_i       (key_q),
      .index_i     (x_index + 32'(j) * lane_stride),
      .operate_i   (valid_q[Operate]),
      .a_i         (operand_row[j*32 +: 32]),
      .b_i         (operand_row[(Lanes+j)*32 +: 32]),
      .c_i         (operand_row[(2*Lanes+j)*32 +: 32]),
      .fold_i      (valid_q[Fold]),
      .first_i     (first_q),
      .position_i  (position),
      .acc_o       (acc)
    );
    assign values[Bits*j +: Bits] = Bits'(acc);
  end

  logic                     last_write;
  logic [Lanes-1:0]         counted, zero, saturated_high, saturated_low, underflow;
  logic [Lanes*BinBits-1:0] bin;
  write_back #(.Lanes(Lanes)) u_write_back (
    .clk_i            (clk_i),
    .rst_ni           (rst_ni),
    .is_fp32_i        (1'b1),
    .point_i          ({(SlotPointBits + 1) {1'b0}}),
    .relu_i           (instruction_q[isa_pkg::VectorReluLsb]),
    .out_format_i     (instruction_q[isa_pkg::VectorOutFormatLsb +: isa_pkg::FormatBits]),
    .lane_first_i     (instruction_q[isa_pkg::VectorMaskLaneFirstLsb +: isa_pkg::VectorMaskLaneFirstWidth]),
    .lane_count_i     (instruction_q[isa_pkg::VectorMaskLaneCountLsb +: isa_pkg::VectorMaskLaneCountWidth]),
    .width_i          (width_q),
    .q_i              (q_write_q),
    .rounding_i       (rounding_q),
    .key_i            (key_q),
    .lane_stride_i    (lane_stride),
    .valid_i          (valid_q[Folded] && ends_q[Folded]),
    .last_i           (last_q[Folded]),
    .row_i            (row5_q),
    .index_i          (index5_q),
    .values_i         (values),
    .o_we_o           (o_we_o),
    .o_addr_o         (o_addr_o),
    .o_be_o           (o_be_o),
    .o_wdata_o        (o_wdata_o),
    .last_o           (last_write),
    .counted_o        (counted),
    .zero_o           (zero),
    .bin_o            (bin),
    .saturated_high_o (saturated_high),
    .saturated_low_o  (saturated_low),
    .underflow_o      (underflow)
  );
  statistics_merge #(.Lanes(Lanes)) u_merge (
    .clk_i            (clk_i),
    .rst_ni           (rst_ni),
    .start_i          (start_i),
    .analyse_i        (instruction_q[isa_pkg::VectorAnalyseLsb]),
    .last_i           (last_write),
    .done_o           (done_o),
    .counted_i        (counted),
    .zero_i           (zero),
    .bin_i            (bin),
    .saturated_high_i (saturated_high),
    .saturated_low_i  (saturated_low),
    .underflow_i      (underflow),
    .req_o            (req_o),
    .gnt_i            (gnt_i),
    .add_o            (add_o)
  );

  logic unused_bits;
  assign unused_bits = ^instruction_q;
endmodule
