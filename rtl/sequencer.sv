// Reads a program, queues its instructions at their units and starts each when its unit is idle and its
// semaphores are above zero; raises those of the instruction when its unit is done, and what puts raise, raise_i.
// An instruction issued in cycle c can start in c + 1. Bit u of start_o, done_i, issue_o: unit u + 1 of isa_pkg (dma,
// tensor, vector, settings, network). begin_i starts the program at line 0, addressed in the next cycle: its cycle 0.
// All units are idle then, and again with program_done_o. What has no known opcode ends the program.
module sequencer #(
  parameter integer Lanes      = 16,
  parameter integer QueueDepth = 8,
  parameter integer Units      = isa_pkg::UnitCount - 1,  // number 0 is the sequencer itself
  parameter integer DmaWords   = isa_pkg::CopyWords > isa_pkg::TransposeWords ? isa_pkg::CopyWords
                                                                              : isa_pkg::TransposeWords
) (
  input  logic                                               clk_i,
  input  logic                                               rst_ni,
  input  logic                                               begin_i,
  output logic                                               program_done_o,  // in the last cycle
  output logic                                               pmem_re_o,
  output logic [31:0]                                        pmem_addr_o,
  input  logic [isa_pkg::WordBits*Lanes-1:0]                 pmem_rdata_i,
  output logic [Units-1:0]                                   issue_o,  // into the unit's queue, for traces
  output logic [Units-1:0]                                   start_o,
  input  logic [Units-1:0]                                   done_i,
  input  logic [2*isa_pkg::Semaphores-1:0]                   raise_i,  // of a put within the core, of one that arrives
  output logic [isa_pkg::WordBits*DmaWords-1:0]              dma_instruction_o,
  output logic [isa_pkg::WordBits*isa_pkg::TensorWords-1:0]  tensor_instruction_o,
  output logic [isa_pkg::WordBits*isa_pkg::VectorWords-1:0]  vector_instruction_o,
  output logic [isa_pkg::WordBits*isa_pkg::TakeWords-1:0]    settings_instruction_o,
  output logic [isa_pkg::WordBits*isa_pkg::PutWords-1:0]     network_instruction_o
);
  localparam integer WordBits   = isa_pkg::WordBits;
  localparam integer Semaphores = isa_pkg::Semaphores;
  localparam integer Dma        = isa_pkg::UnitDma - 1;
  localparam integer Tensor     = isa_pkg::UnitTensor - 1;
  localparam integer Vector     = isa_pkg::UnitVector - 1;
  localparam integer Settings   = isa_pkg::UnitSettings - 1;
  localparam integer Network    = isa_pkg::UnitNetwork - 1;
  localparam integer Words      = isa_pkg::VectorWords;  // of the longest

  // Fetch and issue: in order, where the unit's queue has room.
  logic                      fetched;
  logic [WordBits*Words-1:0] instruction;
  logic [Units-1:0]          unit, full, empty, busy_q;
  instruction_fetch #(.Lanes(Lanes), .Words(Words)) u_fetch (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
    .begin_i       (begin_i),
    .pmem_re_o     (pmem_re_o),
    .pmem_addr_o   (pmem_addr_o),
    .pmem_rdata_i  (pmem_rdata_i),
    .valid_o       (fetched),
    .instruction_o (instruction),
    .take_i        (issue_o != '0),
    .stop_i        (program_done_o)
  );
  logic [isa_pkg::EndOpcodeWidth-1:0] opcode;
  assign opcode = instruction[isa_pkg::EndOpcodeLsb +: isa_pkg::EndOpcodeWidth];
  always_comb begin
    unit = '0;
    case (opcode)
      isa_pkg::OpcodeCopy, isa_pkg::OpcodeTranspose: unit[Dma] = 1'b1;
      isa_pkg::OpcodeTensor:                         unit[Tensor] = 1'b1;
      isa_pkg::OpcodeVector:                         unit[Vector] = 1'b1;
      isa_pkg::OpcodeUpdate, isa_pkg::OpcodeSettle,
      isa_pkg::OpcodeTake, isa_pkg::OpcodeGive:      unit[Settings] = 1'b1;
      isa_pkg::OpcodePut:                            unit[Network] = 1'b1;
      default: ;
    endcase
  end
  assign issue_o        = fetched ? unit & ~full : '0;
  assign program_done_o = fetched && unit == '0 && empty == '1 && busy_q == '0;

  instruction_queue #(.Bits(WordBits*DmaWords), .Depth(QueueDepth)) u_dma_queue (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
    .push_i        (issue_o[Dma]),
    .instruction_i (instruction[WordBits*DmaWords-1:0]),
    .pop_i         (start_o[Dma]),
    .instruction_o (dma_instruction_o),
    .full_o        (full[Dma]),
    .empty_o       (empty[Dma])
  );
  instruction_queue #(.Bits(WordBits*isa_pkg::TensorWords), .Depth(QueueDepth)) u_tensor_queue (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
    .push_i        (issue_o[Tensor]),
    .instruction_i (instruction[WordBits*isa_pkg::TensorWords-1:0]),
    .pop_i         (start_o[Tensor]),
    .instruction_o (tensor_instruction_o),
    .full_o        (full[Tensor]),
    .empty_o       (empty[Tensor])
  );
  instruction_queue #(.Bits(WordBits*isa_pkg::VectorWords), .Depth(QueueDepth)) u_vector_queue (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
    .push_i        (issue_o[Vector]),
    .instruction_i (instruction[WordBits*isa_pkg::VectorWords-1:0]),
    .pop_i         (start_o[Vector]),
    .instruction_o (vector_instruction_o),
    .full_o        (full[Vector]),
    .empty_o       (empty[Vector])
  );
  instruction_queue #(.Bits(WordBits*isa_pkg::TakeWords), .Depth(QueueDepth)) u_settings_queue (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
    .push_i        (issue_o[Settings]),
    .instruction_i (instruction[WordBits*isa_pkg::TakeWords-1:0]),
    .pop_i         (start_o[Settings]),
    .instruction_o (settings_instruction_o),
    .full_o        (full[Settings]),
    .empty_o       (empty[Settings])
  );
  instruction_queue #(.Bits(WordBits*isa_pkg::PutWords), .Depth(QueueDepth)) u_network_queue (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
    .push_i        (issue_o[Network]),
    .instruction_i (instruction[WordBits*isa_pkg::PutWords-1:0]),
    .pop_i         (start_o[Network]),
    .instruction_o (network_instruction_o),
    .full_o        (full[Network]),
    .empty_o       (empty[Network])
  );

  // Start: the masks of `wait` and `signal` stand where they stand in every instruction.
  logic [Units*3*WordBits-1:0] header;
  assign header[Dma*3*WordBits +: 3*WordBits]      = dma_instruction_o[3*WordBits-1:0];
  assign header[Tensor*3*WordBits +: 3*WordBits]   = tensor_instruction_o[3*WordBits-1:0];
  assign header[Vector*3*WordBits +: 3*WordBits]   = vector_instruction_o[3*WordBits-1:0];
  assign header[Settings*3*WordBits +: 3*WordBits] = settings_instruction_o[3*WordBits-1:0];
  assign header[Network*3*WordBits +: 3*WordBits]  = network_instruction_o[3*WordBits-1:0];

  logic [Units*Semaphores-1:0]     wait_mask, signal_q;
  logic [(Units+2)*Semaphores-1:0] raise;
  for (genvar u = 0; u < Units; u = u + 1) begin : gen_unit
    assign wait_mask[u*Semaphores +: Semaphores] =
        header[u*3*WordBits + isa_pkg::EndWaitLsb +: isa_pkg::EndWaitWidth];
    assign raise[u*Semaphores +: Semaphores] = done_i[u] ? signal_q[u*Semaphores +: Semaphores] : '0;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        busy_q[u]                              <= 1'b0;
        signal_q[u*Semaphores +: Semaphores] <= '0;
      end else begin
        busy_q[u] <= start_o[u] || (busy_q[u] && !done_i[u]);
        if (start_o[u]) begin
          signal_q[u*Semaphores +: Semaphores] <=
              header[u*3*WordBits + isa_pkg::EndSignalLsb +: isa_pkg::EndSignalWidth];
        end
      end
    end
  end
  assign raise[Units*Semaphores +: 2*Semaphores] = raise_i;

  semaphores #(.Units(Units), .Raisers(Units + 2)) u_semaphores (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .clear_i   (begin_i),
    .request_i (~empty & ~busy_q),
    .wait_i    (wait_mask),
    .grant_o   (start_o),
    .raise_i   (raise)
  );

  logic unused;
  assign unused = ^header;
endmodule
