// Runs the rows of a copy and the blocks of a transpose. Included inside the namespace of a kernel set.

template <class Ops>
void run_copy(const CopyJob& job, std::int64_t first, std::int64_t last) {
  constexpr int L = Ops::kLanes;
  constexpr std::int64_t kLine = 4 * L;
  const Stream* const streams[] = {&job.src, &job.dst};
  if (first >= last) return;
  if (job.element == isa::Format::kFp32 && job.table.loops == 0) {  // long runs
    Walk<2> walk(job.nest, streams, first);
    for (std::int64_t done = first; done < last;) {
      const std::int64_t run = walk.run(last - done), src = walk.stride(0) * kLine,
                         dst = walk.stride(1) * kLine;
      const std::uint8_t* source = job.source + walk.at(0) * kLine;
      std::uint8_t* destination = job.destination + walk.at(1) * kLine;
      if (job.past_caches)
        for (std::int64_t k = 0; k < run; ++k) Ops::stream_line(destination + k * dst, source + k * src);
      else if (src == kLine && dst == kLine)
        __builtin_memcpy(destination, source, static_cast<std::size_t>(run * kLine));
      else
        for (std::int64_t k = 0; k < run; ++k)
          __builtin_memcpy(destination + k * dst, source + k * src, kLine);
      walk.advance(run);
      done += run;
    }
    return Ops::streamed();
  }
  constexpr int kBlock = 128;
  std::int64_t src[kBlock], dst[kBlock];
  std::int64_t* const lists[] = {src, dst};
  Lister<2> rows(job.nest, job.table, streams, first);
  for (std::int64_t done = first; done < last; done += kBlock) {
    const int n = static_cast<int>(last - done < kBlock ? last - done : kBlock);
    rows.list(n, lists);
    if (job.element == isa::Format::kFp32 && job.past_caches)
      for (int k = 0; k < n; ++k)
        Ops::stream_line(job.destination + dst[k] * kLine, job.source + src[k] * kLine);
    else if (job.element == isa::Format::kFp32)
      for (int k = 0; k < n; ++k)
        __builtin_memcpy(job.destination + dst[k] * kLine, job.source + src[k] * kLine, kLine);
    else
      for (int k = 0; k < n; ++k)
        Ops::copy_row(job.element, job.destination + byte_of_row<L>(job.element, dst[k]),
                      job.source + byte_of_row<L>(job.element, src[k]));
  }
  Ops::streamed();
}

// Any alignment: element by element, by way of a block that the destination is written from.
template <int L, class Element>
void transpose_elements(const TransposeJob& job, std::int64_t src, std::int64_t dst) {
  Element block[L][L];
  for (int r = 0; r < L; ++r)
    for (int c = 0; c < L; ++c) {
      block[c][r] = 0;
      if (r < job.src_rows && c < job.src_lanes)
        __builtin_memcpy(&block[c][r], job.memory + byte_of_row<L>(job.element, src + r) + 4 * c,
                         sizeof(Element));
    }
  for (int c = 0; c < job.dst_rows; ++c)
    for (int r = 0; r < L; ++r)
      __builtin_memcpy(job.memory + byte_of_row<L>(job.element, dst + c) + 4 * r, &block[c][r],
                       sizeof(Element));
}

template <class Ops>
void run_transpose(const TransposeJob& job, std::int64_t first, std::int64_t last) {
  constexpr int L = Ops::kLanes;
  const Stream* const streams[] = {&job.src, &job.dst};
  if (first >= last) return;
  Walk<2> walk(job.nest, streams, first);
  const std::int64_t rows = (std::int64_t{1} << element_shift(job.element)) - 1;
  for (std::int64_t done = first; done < last; ++done, walk.advance(1)) {
    const std::int64_t src = walk.at(0), dst = walk.at(1);
    if (((src | dst) & rows) == 0 &&
        Ops::transpose_aligned(job, job.memory + byte_of_row<L>(job.element, dst),
                               job.memory + byte_of_row<L>(job.element, src)))
      continue;
    switch (job.element) {
      case isa::Format::kInt8:
        transpose_elements<L, std::uint8_t>(job, src, dst);
        break;
      case isa::Format::kInt16:
        transpose_elements<L, std::uint16_t>(job, src, dst);
        break;
      case isa::Format::kFp32:
        transpose_elements<L, std::uint32_t>(job, src, dst);
        break;
    }
  }
}
