// The counters of an entry of the statistics database: the histogram's bins, then these.
package statistics_pkg;
  localparam integer Values        = 0;
  localparam integer Zeros         = 1;
  localparam integer SaturatedHigh = 2;
  localparam integer SaturatedLow  = 3;
  localparam integer Underflows    = 4;
  localparam integer Others        = 5;  // how many they are
endpackage
