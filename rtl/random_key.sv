// The part of a random word that is the same for a whole instruction, of seed, step and slot.
module random_key #(
  parameter integer SlotBits = $clog2(isa_pkg::SlotsMax)
) (
  input  logic [31:0]         seed_i,
  input  logic [31:0]         step_i,
  input  logic [SlotBits-1:0] slot_i,
  output logic [31:0]         key_o
);
  logic [31:0] of_seed, of_step, slot_part;
  assign slot_part = 32'(slot_i) * 32'h85ebca6b;
  mix u_seed (.value_i(seed_i + 32'h9e3779b9), .value_o(of_seed));
  mix u_step (.value_i(of_seed ^ step_i), .value_o(of_step));
  mix u_slot (.value_i(of_step ^ slot_part), .value_o(key_o));
endmodule
