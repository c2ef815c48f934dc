// Runs the rows of a vector job with the operations of a kernel set. Included inside the namespace of a
// kernel set.

// Works on blocks of output rows: for each position of the fold, operands become FP32 rows, then the
// operation, the fold; at last the drain.
template <class Ops>
class Rows {
 public:
  static constexpr int L = Ops::kLanes;

  Rows(const VectorJob& job, std::int64_t most_rows, Counts& counts)
      : job_(job), drain_(job.output, 0, counts), operands_{&job.a, &job.b, &job.c} {
    const int block = static_cast<int>(most_rows < kBlockRows ? most_rows : kBlockRows);
    for (int i = 0; i < 3; ++i) {
      words_[i] = rows_[i];
      if (operands_[i]->kind != isa::OperandKind::kScalar) continue;
      const float value = float_of(operands_[i]->bits);
      for (int k = 0; k < block * L; ++k) __builtin_memcpy(rows_[i] + k, &value, 4);
    }
  }
  void run(std::int64_t first, std::int64_t last) {
    const Stream* const streams[] = {&job_.a.at, &job_.b.at, &job_.c.at, &job_.o, &job_.x};
    Lister<5> rows(job_.outer, job_.table, streams, first);
    std::int64_t* lists[] = {at_[0], at_[1], at_[2], o_, draws_words() ? x_ : nullptr};
    for (int i = 0; i < 3; ++i)
      if (operands_[i]->kind == isa::OperandKind::kScalar || operands_[i]->kind == isa::OperandKind::kNone)
        lists[i] = nullptr;
    for (std::int64_t done = first; done < last;) {
      const int n = static_cast<int>(last - done < kBlockRows ? last - done : kBlockRows);
      rows.list(n, lists);
      if (!Ops::select_rows(job_, at_[0], at_[2], o_, n)) block(n);
      done += n;
    }
    drain_.finish();
  }

 private:
  void block(int n) {
    const bool folded = job_.fold_count > 1 || job_.reduction == isa::Reduction::kArgmax;
    if (folded && Ops::fold_rows(job_, at_[0], at_[1], n, folded_)) return drain_.rows(folded_, n, o_, x_);
    const Stream* const folds[] = {&job_.a.fold, &job_.b.fold, &job_.c.fold};
    Walk<3> fold(job_.fold, folds, 0);
    for (std::int64_t position = 0; position < job_.fold_count; ++position) {
      const float* t = compute(fold, n);
      fold.advance(1);
      if (folded)
        fold_rows(job_.reduction, folded_, best_, t, position, n * L);
      else
        drain_.rows(t, n, o_, x_);
    }
    if (folded) drain_.rows(folded_, n, o_, x_);
  }
  // t of n output rows at one position of the fold.
  const float* compute(const Walk<3>& fold, int n) {
    for (int i = 0; i < 3; ++i) {
      if (operands_[i]->kind == isa::OperandKind::kRows)
        words_[i] = Ops::load_rows(*operands_[i], at_[i], fold.at(i), n, rows_[i]);
      if (operands_[i]->kind == isa::OperandKind::kBroadcast) broadcast(i, fold.at(i), n);
    }
    if (job_.op == isa::VectorOp::kCopy) return words_[0];
    if (job_.op == isa::VectorOp::kRandom)
      randoms(n);
    else
      apply(job_.op, t_, words_[0], words_[1], words_[2], n * L);
    return t_;
  }
  // Often the same elements in every block, as the scales of channels are. No iteration may write what
  // another reads, so that they stay what they were.
  void broadcast(int i, std::int64_t offset, int n) {
    const std::size_t bytes = static_cast<std::size_t>(n) * sizeof at_[i][0];
    if (job_.fold_count == 1 && n <= known_[i] && __builtin_memcmp(at_[i], known_at_[i], bytes) == 0) return;
    Ops::load_broadcasts(*operands_[i], at_[i], offset, n, rows_[i]);
    __builtin_memcpy(known_at_[i], at_[i], bytes);
    known_[i] = n;
  }
  bool draws_words() const {
    return job_.op == isa::VectorOp::kRandom ||
           (job_.output.format != isa::Format::kFp32 && job_.output.rounding == isa::Rounding::kStochastic);
  }
  void randoms(int n) {
    for (int k = 0; k < n; ++k) {
      const auto x = static_cast<std::uint32_t>(x_[k]);
      for (std::uint32_t j = 0; j < L; ++j)
        t_[static_cast<std::uint32_t>(k) * L + j] =
            static_cast<float>(mixed((x + j * job_.output.lane_stride) ^ job_.output.key) >> 8) * 0x1p-24F;
    }
  }

  const VectorJob& job_;
  typename Ops::Drain drain_;
  const Operand* const operands_[3];
  std::int64_t at_[3][kBlockRows], o_[kBlockRows], x_[kBlockRows] = {};
  int known_[3] = {};  // elements in rows_ that came from these addresses
  std::int64_t known_at_[3][kBlockRows];
  alignas(64) float rows_[3][kBlockRows * L];
  const float* words_[3];  // of each operand: in rows_, or where they are
  alignas(64) float t_[kBlockRows * L];
  alignas(64) float folded_[kBlockRows * L];
  alignas(64) float best_[kBlockRows * L];
};

template <class Ops>
void run_vector(const VectorJob& job, std::int64_t first, std::int64_t last, Counts& counts) {
  if (first < last) Rows<Ops>(job, last - first, counts).run(first, last);
}
