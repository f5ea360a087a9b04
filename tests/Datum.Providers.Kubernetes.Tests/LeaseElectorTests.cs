using Datum.Providers.Testing;

namespace Datum.Providers.Kubernetes.Tests;

public sealed class LeaseElectorTests
{
    private static readonly ObjectKey Name = new("ns", "leader");
    private readonly List<CancellationTokenSource> _stops = [];
    private ManualScheduler _scheduler = null!;
    private LeaseStore _store = null!;

    [SetUp]
    public void Create()
    {
        _scheduler = new ManualScheduler(pumped: true);
        _store = new LeaseStore(_scheduler);
        _stops.Clear();
    }

    [Test]
    public void The_deadline_is_the_start_of_the_last_good_renewal_plus_duration_minus_margin()
    {
        var elector = Start("a");
        var acquired = _scheduler.Now;
        Assert.That(elector.MayMutate());
        Assert.That(elector.Deadline, Is.EqualTo(acquired + TimeSpan.FromSeconds(12)));
        // The answer of the renewal at 4 s takes 2 s; the deadline counts from its request.
        _store.Latency = TimeSpan.FromSeconds(2);
        _scheduler.Advance(TimeSpan.FromSeconds(6));
        Assert.That(elector.Deadline, Is.EqualTo(acquired + TimeSpan.FromSeconds(4 + 12)));
        Assert.That(elector.DeadlineTimestamp, Is.EqualTo((acquired + TimeSpan.FromSeconds(4 + 12)).UtcTicks));
    }

    [Test]
    public void Failing_renewals_are_retried_until_the_deadline_and_leadership_survives_them()
    {
        var elector = Start("a");
        var token = elector.LeadershipToken;
        _store.Fail = () => new HttpRequestException("connection reset");
        _scheduler.Advance(TimeSpan.FromSeconds(10.5));
        Assert.That(_store.Attempts, Is.GreaterThan(5));
        Assert.That((elector.MayMutate(), token.IsCancellationRequested), Is.EqualTo((true, false)));
        _store.Fail = null;
        _scheduler.Advance(TimeSpan.FromSeconds(30));
        Assert.That((elector.MayMutate(), elector.Terms, token.IsCancellationRequested), Is.EqualTo((true, 1, false)));
    }

    [TestCase("socket")]
    [TestCase("io")]
    [TestCase("bug")]
    [TestCase("timeout")]
    public void No_failure_of_one_renewal_drops_leadership_whatever_it_is(string kind)
    {
        var elector = Start("a");
        var token = elector.LeadershipToken;
        var failures = 3;
        _store.Fail = () => failures-- <= 0 ? null : kind switch
        {
            "socket" => new System.Net.Sockets.SocketException((int)System.Net.Sockets.SocketError.ConnectionReset),
            "io" => new IOException("broken pipe"),
            "timeout" => new OperationCanceledException("not ours"),
            _ => new InvalidOperationException("unforeseen"),
        };
        _scheduler.Advance(TimeSpan.FromSeconds(30));
        Assert.That(failures, Is.Negative);
        Assert.That((elector.MayMutate(), elector.Terms, token.IsCancellationRequested), Is.EqualTo((true, 1, false)));
    }

    [Test]
    public void Attempts_of_one_elector_never_overlap_however_slow_the_server_is()
    {
        _store.Latency = TimeSpan.FromSeconds(5);
        var elector = Start("a");
        _store.Fail = () => _store.Attempts % 3 == 0 ? new HttpRequestException("connection reset") : null;
        _scheduler.Advance(TimeSpan.FromMinutes(10));
        Assert.That(elector.Terms, Is.Positive);
        Assert.That(_store.Attempts, Is.GreaterThan(50));
        Assert.That(_store.MostAtOnce, Is.EqualTo(1));
    }

    [TestCase(60, false)]
    [TestCase(-60, true)]
    public void A_wall_clock_that_jumps_ahead_ends_the_term_and_one_that_is_set_back_does_not_lengthen_it(int seconds, bool leads)
    {
        var clock = new JumpingClock(_scheduler);
        var elector = new LeaseElector(_store.As("a"), clock, new LeaseElectorOptions { Lease = Name, Identity = "a" });
        var stop = new CancellationTokenSource();
        _stops.Add(stop);
        _ = _scheduler.Run(() => elector.RunAsync(stop.Token));
        _scheduler.Advance(TimeSpan.Zero);
        Assert.That(elector.MayMutate());
        _store.Fail = () => new HttpRequestException("connection reset");
        clock.Offset = TimeSpan.FromSeconds(seconds);
        Assert.That(elector.MayMutate(), Is.EqualTo(leads));
        _scheduler.Advance(TimeSpan.FromSeconds(12));
        Assert.That((elector.MayMutate(), elector.LeadershipToken.IsCancellationRequested), Is.EqualTo((false, true)));
    }

    [Test]
    public void At_the_deadline_leadership_ends_and_the_renewal_in_flight_is_cancelled()
    {
        var elector = Start("a");
        var token = elector.LeadershipToken;
        _store.Latency = TimeSpan.FromHours(1);
        _scheduler.Advance(TimeSpan.FromSeconds(12) - TimeSpan.FromTicks(1));
        Assert.That((elector.MayMutate(), token.IsCancellationRequested), Is.EqualTo((true, false)));
        Assert.That(_store.Cancelled, Is.EqualTo(1), "the first attempt made room for another");
        _scheduler.Advance(TimeSpan.FromTicks(1));
        Assert.That((elector.MayMutate(), token.IsCancellationRequested), Is.EqualTo((false, true)));
        Assert.That(_store.Cancelled, Is.EqualTo(2));
        Assert.That(elector.Deadline, Is.Null);
    }

    [Test]
    public void A_renewal_that_hangs_leaves_time_for_another_one()
    {
        var elector = Start("a");
        _store.Latency = TimeSpan.FromHours(1);
        _scheduler.Advance(TimeSpan.FromSeconds(8));
        _store.Latency = TimeSpan.Zero;
        _scheduler.Advance(TimeSpan.FromSeconds(5));
        Assert.That((elector.MayMutate(), elector.Terms), Is.EqualTo((true, 1)));
    }

    [Test]
    public void A_crashed_holder_is_followed_only_after_its_whole_lease_stood_still()
    {
        Start("a");
        var b = Start("b");
        _scheduler.Advance(TimeSpan.FromSeconds(60));
        Assert.That(b.MayMutate(), Is.False, "a renews");
        _store.Kill("a");
        var silent = _scheduler.Now;
        _scheduler.Advance(TimeSpan.FromSeconds(10));
        Assert.That(b.MayMutate(), Is.False);
        while (!b.MayMutate())
        {
            _scheduler.Advance(TimeSpan.FromMilliseconds(100));
            Assert.That(_scheduler.Now - silent, Is.LessThan(TimeSpan.FromSeconds(30)));
        }
        Assert.That(_scheduler.Now - silent, Is.GreaterThan(TimeSpan.FromSeconds(11)));
        Assert.That(b.PreviousReleased, Is.False);
    }

    [Test]
    public void A_stopped_holder_drains_first_then_releases_and_the_next_takes_over_at_once()
    {
        var drained = new TaskCompletionSource();
        var a = Start("a", o => o with { DrainAsync = _ => drained.Task });
        var b = Start("b");
        var token = a.LeadershipToken;
        _stops[0].Cancel();
        _scheduler.Advance(TimeSpan.FromSeconds(3));
        Assert.That((token.IsCancellationRequested, a.MayMutate(), b.MayMutate()), Is.EqualTo((true, false, false)));
        drained.SetResult();
        _scheduler.Advance(TimeSpan.FromSeconds(1.2));
        Assert.That((b.MayMutate(), b.PreviousReleased), Is.EqualTo((true, true)));
    }

    [Test]
    public void Work_that_does_not_drain_before_the_deadline_leaves_the_lease_unreleased()
    {
        Start("a", o => o with { DrainAsync = _ => new TaskCompletionSource().Task });
        _stops[0].Cancel();
        _scheduler.Advance(TimeSpan.FromSeconds(40));
        Assert.That(_store.Lease!.Spec!.HolderIdentity, Is.EqualTo("a"));
    }

    [Test]
    public void Another_holders_name_ends_leadership_at_once()
    {
        var elector = Start("a");
        var token = elector.LeadershipToken;
        _store.Steal("thief");
        _scheduler.Advance(TimeSpan.FromSeconds(4));
        Assert.That((token.IsCancellationRequested, elector.MayMutate()), Is.EqualTo((true, false)));
    }

    [Test]
    public void A_renewal_whose_answer_was_lost_does_not_end_leadership()
    {
        var elector = Start("a");
        _store.LoseAnswers = 1;
        _scheduler.Advance(TimeSpan.FromSeconds(20));
        Assert.That((elector.MayMutate(), elector.Terms), Is.EqualTo((true, 1)));
    }

    [Test]
    public void L10_a_lease_that_was_deleted_while_its_holder_is_cut_off_is_waited_for_and_is_no_release()
    {
        var a = Start("a");
        var b = Start("b", o => o with { MayHaveLedAsync = _ => Task.FromResult(true) });
        _scheduler.Advance(TimeSpan.FromSeconds(30));
        _store.Kill("a");
        _store.Delete();
        var deleted = _scheduler.Now;
        while (!b.MayMutate())
        {
            _scheduler.Advance(TimeSpan.FromMilliseconds(100));
            Assert.That(_scheduler.Now - deleted, Is.LessThan(TimeSpan.FromSeconds(30)));
        }
        // The one that is cut off doesn't know it, and leads until its own deadline.
        Assert.That(_scheduler.Now - deleted, Is.GreaterThanOrEqualTo(TimeSpan.FromSeconds(15)));
        Assert.That((a.MayMutate(), b.PreviousReleased), Is.EqualTo((false, false)));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void L10_the_first_start_waits_for_nobody_and_one_over_a_ledger_does(bool ledger)
    {
        var a = Start("a", o => o with { MayHaveLedAsync = _ => Task.FromResult(ledger) });
        Assert.That((a.MayMutate(), a.PreviousReleased), Is.EqualTo((!ledger, !ledger)));
        _scheduler.Advance(TimeSpan.FromSeconds(17));
        Assert.That((a.MayMutate(), a.PreviousReleased), Is.EqualTo((true, !ledger)));
    }

    [Test]
    public void L10_who_cant_tell_whether_somebody_led_doesnt_lead()
    {
        var a = Start("a", o => o with { MayHaveLedAsync = _ => throw new HttpRequestException("no answer") });
        _scheduler.Advance(TimeSpan.FromMinutes(2));
        Assert.That((a.MayMutate(), _store.Lease), Is.EqualTo((false, (Lease?)null)));
    }

    [TestCase(4)]
    [TestCase(5)]
    public void L10_never_do_two_lead_although_somebody_deletes_the_lease(int seed)
    {
        _scheduler = new ManualScheduler(seed, pumped: true);
        _store = new LeaseStore(_scheduler);
        var random = new Random(seed);
        LeaseElector[] electors = [.. "abc".Select(n => Start(n.ToString(), o => o with { MayHaveLedAsync = _ => Task.FromResult(true) }))];
        var led = 0;
        for (var step = 0; step < 6000; step++)
        {
            if (random.Next(300) == 0)
                _store.Delete();
            if (random.Next(400) == 0)
                _store.Kill(_store.Lease?.Spec?.HolderIdentity ?? "a");
            if (random.Next(400) == 0)
                _store.Revive();
            _scheduler.Advance(TimeSpan.FromMilliseconds(random.Next(1, 400)));
            var leaders = electors.Count(e => e.MayMutate());
            Assert.That(leaders, Is.LessThanOrEqualTo(1), $"seed {seed}, step {step}");
            led += leaders;
        }
        Assert.That(led, Is.GreaterThan(500), "they led at all");
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public void Never_do_two_lead_whatever_fails(int seed)
    {
        _scheduler = new ManualScheduler(seed, pumped: true);
        _store = new LeaseStore(_scheduler);
        var random = new Random(seed);
        _store.Fail = () => random.Next(3) == 0 ? new HttpRequestException("scripted") : null;
        LeaseElector[] electors = [Start("a"), Start("b"), Start("c")];
        var led = new HashSet<int>();
        for (var step = 0; step < 6000; step++)
        {
            if (random.Next(400) == 0)
                _store.LoseAnswers = random.Next(1, 4);
            if (random.Next(200) == 0)
                _store.Latency = TimeSpan.FromMilliseconds(random.Next(0, 6000));
            if (random.Next(500) == 0)
                _store.Kill(_store.Lease?.Spec?.HolderIdentity ?? "a");
            if (random.Next(300) == 0)
                _store.Revive();
            _scheduler.Advance(TimeSpan.FromMilliseconds(random.Next(1, 400)));
            var leaders = electors.Count(e => e.MayMutate());
            Assert.That(leaders, Is.LessThanOrEqualTo(1), $"seed {seed}, step {step}");
            for (var i = 0; i < electors.Length; i++)
            {
                if (electors[i].MayMutate())
                    led.Add(i);
            }
        }
        Assert.That(led, Has.Count.EqualTo(3), "each led at some time, so the run shows something");
    }

    private LeaseElector Start(string identity, Func<LeaseElectorOptions, LeaseElectorOptions>? change = null)
    {
        var options = new LeaseElectorOptions { Lease = Name, Identity = identity };
        var elector = new LeaseElector(_store.As(identity), _scheduler, change?.Invoke(options) ?? options);
        var stop = new CancellationTokenSource();
        _stops.Add(stop);
        _ = _scheduler.Run(() => elector.RunAsync(stop.Token));
        _scheduler.Advance(TimeSpan.Zero);
        return elector;
    }

    /// <summary>The scheduler with a wall clock that somebody sets.</summary>
    private sealed class JumpingClock(ManualScheduler inner) : TimeProvider, IScheduler
    {
        public TimeSpan Offset { get; set; }
        public TimeProvider Time => this;
        public override long TimestampFrequency => inner.TimestampFrequency;
        public override DateTimeOffset GetUtcNow() => inner.GetUtcNow() + Offset;
        public override long GetTimestamp() => inner.GetTimestamp();
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => inner.CreateTimer(callback, state, dueTime, period);
        public Task Delay(TimeSpan delay, CancellationToken cancellation) => inner.Delay(delay, cancellation);
        public Task Run(Func<Task> work) => inner.Run(work);
        public double NextRandom() => inner.NextRandom();
    }

    /// <summary>One lease with versions, as the server keeps it, and the faults of a network.</summary>
    private sealed class LeaseStore(ManualScheduler scheduler)
    {
        private readonly HashSet<string> _dead = [];
        private int _version;

        public Lease? Lease { get; private set; }
        public TimeSpan Latency { get; set; }
        public Func<Exception?>? Fail { get; set; }
        public int LoseAnswers { get; set; }
        public int Attempts { get; private set; }
        public int Cancelled { get; private set; }
        public int MostAtOnce { get; private set; }
        private int _atOnce;

        public IKubernetesClient As(string identity) => new Client(this, identity);

        public void Delete() => Lease = null;

        public void Kill(string identity) => _dead.Add(identity);

        public void Revive() => _dead.Clear();

        public void Steal(string identity) => Store(new LeaseSpec { HolderIdentity = identity, LeaseDurationSeconds = 15 });

        private Lease Store(LeaseSpec spec) => Lease = new Lease { Metadata = new() { Namespace = Name.Namespace, Name = Name.Name, ResourceVersion = $"{++_version}" }, Spec = spec };

        private async Task<T> CallAsync<T>(string identity, Func<T> effect, CancellationToken cancellation)
        {
            Attempts++;
            MostAtOnce = Math.Max(MostAtOnce, ++_atOnce);
            try
            {
                await scheduler.Delay(Latency / 2, cancellation);
                if (_dead.Contains(identity))
                    await scheduler.Delay(TimeSpan.FromSeconds(1), cancellation);
                if (_dead.Contains(identity))
                    throw new HttpRequestException("this process is cut off");
                if (Fail?.Invoke() is { } failure)
                    throw failure;
                var result = effect();
                await scheduler.Delay(Latency - (Latency / 2), cancellation);
                if (LoseAnswers > 0)
                {
                    LoseAnswers--;
                    throw new HttpRequestException("the answer was lost");
                }
                return result;
            }
            catch (OperationCanceledException)
            {
                Cancelled++;
                throw;
            }
            finally
            {
                _atOnce--;
            }
        }

        private sealed class Client(LeaseStore store, string identity) : IKubernetesClient
        {
            public Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject =>
                store.CallAsync(identity, () => (T?)(KubeObject?)store.Lease, cancellation);

            public Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject => store.CallAsync(identity, () =>
                store.Lease is null ? (T)(KubeObject)store.Store(((Lease)(KubeObject)value).Spec!) : throw new KubernetesException(409, "AlreadyExists", "scripted"), cancellation);

            public Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject => store.CallAsync(identity, () =>
            {
                if (store.Lease is null)
                    throw new KubernetesException(404, "NotFound", "scripted");
                if ((string?)patch.Body["metadata"]!["resourceVersion"] != store.Lease.Metadata.ResourceVersion)
                    throw new KubernetesException(409, "Conflict", "scripted");
                var old = store.Lease.Spec!;
                var spec = patch.Body["spec"]!.AsObject();
                return (T)(KubeObject)store.Store(new LeaseSpec
                {
                    HolderIdentity = spec.ContainsKey("holderIdentity") ? (string?)spec["holderIdentity"] : old.HolderIdentity,
                    LeaseDurationSeconds = (int?)spec["leaseDurationSeconds"] ?? old.LeaseDurationSeconds,
                    LeaseTransitions = (int?)spec["leaseTransitions"] ?? old.LeaseTransitions,
                });
            }, cancellation);

            public Task<ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();
            public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();
            public IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();
        }
    }
}
