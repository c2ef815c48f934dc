// An entry of the settings store as ten words, every field in bytes of its own (points and positions are
// two's complement). Word 0 is what reading and writing values needs, words 1 to 4 are the policy's
// parameters, which only the host writes, words 5 to 9 the state of the settings optimiser.
package settings_pkg;
  localparam integer RuleWords  = 4;
  localparam integer StateWords = 5;
  localparam integer EntryWords = 1 + RuleWords + StateWords;
  localparam integer ByteBits   = 8;

  // First bits, counted from bit 0 of word 0.
  localparam integer WidthLsb        = 0;
  localparam integer QReadLsb        = 8;
  localparam integer QWriteLsb       = 16;
  localparam integer RoundingLsb     = 24;
  localparam integer PolicyLsb       = 32;
  localparam integer GuardLsb        = 40;
  localparam integer HysteresisLsb   = 48;
  localparam integer DecayLsb        = 56;
  localparam integer IntervalLsb     = 64;  // 16 bits
  localparam integer WarmupLsb       = 80;  // 16 bits
  localparam integer RMaxLsb         = 96;  // 32 bits
  localparam integer WindowLsb       = 128;
  localparam integer QMinLsb         = 136;
  localparam integer QMaxLsb         = 144;
  localparam integer UpdatesLsb      = 160;  // 32 bits
  localparam integer AgeLsb          = 192;  // 32 bits
  localparam integer HistoryLsb      = 224;  // bytes, the oldest first
  localparam integer HistoryCountLsb = 288;

  // What a lookup answers: rounding, q_write, q_read, width, the last in the low bits.
  localparam integer LookupWidthBits = 5;
  localparam integer LookupPointBits = 7;
endpackage
