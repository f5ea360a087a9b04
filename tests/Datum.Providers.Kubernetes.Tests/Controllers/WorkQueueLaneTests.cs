using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Testing;

namespace Datum.Providers.Kubernetes.Tests.Controllers;

/// <summary>What a lane may take of the workers, and when.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class WorkQueueLaneTests
{
    private readonly ManualScheduler _time = new();
    private readonly Gate _gate = new();

    private WorkQueue<string> NewQueue(int laneWorkers = int.MaxValue, int forIdle = 0, bool gated = false) => new(_time, new WorkQueueOptions<string>
    {
        Name = "test", Lane = key => key[..1], LaneWorkers = laneWorkers, WorkersForIdleLanes = forIdle, Gate = gated ? _gate : null,
    });

    private static List<Task<string>> Workers(WorkQueue<string> queue, int count) => [.. Enumerable.Range(0, count).Select(_ => queue.TakeAsync(CancellationToken.None))];

    private static List<string> Taken(IEnumerable<Task<string>> workers) => [.. workers.Where(w => w.IsCompletedSuccessfully).Select(w => w.Result)];

    [Test]
    public void A_lane_takes_no_more_workers_than_it_may_and_the_others_go_on()
    {
        using var queue = NewQueue(laneWorkers: 2);
        var workers = Workers(queue, 4);
        for (var i = 0; i < 5; i++)
            queue.Add($"a{i}");
        Assert.That(Taken(workers), Is.EqualTo(new[] { "a0", "a1" }));
        queue.Add("b0");
        Assert.That(Taken(workers), Is.EqualTo(new[] { "a0", "a1", "b0" }));
        queue.Done("a0");
        Assert.That(Taken(workers), Has.Member("a2"), "a free place of the lane is taken at once");
        Assert.That(queue.Depth, Is.EqualTo(2));
    }

    [Test]
    public void Some_workers_are_only_for_lanes_that_hold_none()
    {
        using var queue = NewQueue(forIdle: 2);
        var workers = Workers(queue, 4);
        for (var i = 0; i < 5; i++)
            queue.Add($"a{i}");
        Assert.That(Taken(workers), Is.EqualTo(new[] { "a0", "a1" }));
        queue.Add("b0");
        queue.Add("b1");
        queue.Add("c0");
        Assert.That(Taken(workers), Is.EqualTo(new[] { "a0", "a1", "b0", "c0" }));
    }

    [Test]
    public void A_closed_lane_keeps_its_keys_and_its_order_until_its_time()
    {
        using var queue = NewQueue(gated: true);
        var workers = Workers(queue, 4);
        _gate.Wait["a"] = TimeSpan.FromSeconds(5);
        queue.Add("a0", WorkPriority.Resync);
        queue.Add("a1");
        queue.Add("b0");
        Assert.That(Taken(workers), Is.EqualTo(new[] { "b0" }));
        Assert.That(_gate.Asked, Is.EqualTo(1), "a closed lane isn't asked again with each key");
        _gate.Wait.Clear();
        _time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.That(Taken(workers), Is.EqualTo(new[] { "b0" }));
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.That(Taken(workers), Is.EquivalentTo(new[] { "b0", "a1", "a0" }));
        Assert.That(_gate.Order, Is.EqualTo(new[] { "b0", "a1", "a0" }), "the change goes before the resync");
    }

    [Test]
    public void A_lane_can_be_opened_before_its_time()
    {
        using var queue = NewQueue(gated: true);
        var workers = Workers(queue, 1);
        _gate.Wait["a"] = TimeSpan.FromHours(5);
        queue.Add("a0");
        _gate.Wait.Clear();
        queue.Reopen("a");
        Assert.That(Taken(workers), Is.EqualTo(new[] { "a0" }));
        queue.Done("a0");
        Assert.That(_gate.Left, Is.EqualTo(new[] { "a0" }));
    }

    [Test]
    public void The_gate_bounds_a_lane_too()
    {
        using var queue = NewQueue(gated: true);
        var workers = Workers(queue, 3);
        _gate.Most = 1;
        queue.Add("a0");
        queue.Add("a1");
        Assert.That(Taken(workers), Is.EqualTo(new[] { "a0" }));
        queue.Done("a0");
        Assert.That(Taken(workers), Is.EqualTo(new[] { "a0", "a1" }));
    }

    [Test]
    public void A_key_that_changed_its_lane_waits_in_the_new_one()
    {
        var lane = "x";
        using var queue = new WorkQueue<string>(_time, new WorkQueueOptions<string> { Name = "test", Lane = _ => lane, LaneWorkers = 1 });
        var workers = Workers(queue, 3);
        queue.Add("a");
        queue.AddBackoff("a");
        lane = "y";
        queue.Done("a");
        queue.Add("a");
        lane = "x";
        queue.Add("b");
        Assert.That(Taken(workers), Is.EqualTo(new[] { "a", "a", "b" }));
    }

    [Test]
    public void No_order_of_events_loses_a_key_behind_a_gate([Range(1, 60)] int seed)
    {
        var random = new Random(seed);
        using var queue = NewQueue(laneWorkers: 2, forIdle: 1, gated: true);
        var waiting = new List<Task<string>>();
        var held = new List<string>();
        var wanted = new HashSet<string>();
        for (var i = 0; i < 400; i++)
        {
            switch (random.Next(5))
            {
                case 0:
                    var key = $"{(char)('a' + random.Next(4))}{random.Next(5)}";
                    queue.Add(key, (WorkPriority)random.Next(3));
                    wanted.Add(key);
                    break;
                case 1 when waiting.Count < 4:
                    waiting.Add(queue.TakeAsync(CancellationToken.None));
                    break;
                case 2 when held.Count > 0:
                    queue.Done(held[0]);
                    held.RemoveAt(0);
                    break;
                case 3:
                    _gate.Wait[$"{(char)('a' + random.Next(4))}"] = TimeSpan.FromMilliseconds(random.Next(0, 500));
                    break;
                default:
                    _gate.Wait.Remove($"{(char)('a' + random.Next(4))}");
                    _time.Advance(TimeSpan.FromMilliseconds(random.Next(300)));
                    break;
            }
            Collect();
            Assert.That(held.GroupBy(k => k[0]).All(g => g.Count() <= 2));
            Assert.That(held, Is.Unique);
        }

        _gate.Wait.Clear();
        for (var round = 0; round < 200 && (queue.Depth > 0 || held.Count > 0); round++)
        {
            foreach (var key in held)
                queue.Done(key);
            held.Clear();
            while (waiting.Count < 4)
                waiting.Add(queue.TakeAsync(CancellationToken.None));
            _time.Advance(TimeSpan.FromSeconds(1));
            Collect();
        }
        Assert.That((queue.Depth, queue.Processing, queue.Known), Is.EqualTo((0, 0, 0)));
        Assert.That(wanted.Except(_gate.Order), Is.Empty);
        Assert.That(_gate.Left, Has.Count.EqualTo(_gate.Order.Count));

        void Collect()
        {
            held.AddRange(waiting.Where(w => w.IsCompletedSuccessfully).Select(w => w.Result));
            waiting.RemoveAll(w => w.IsCompleted);
        }
    }

    private sealed class Gate : ILaneGate<string>
    {
        public Dictionary<string, TimeSpan> Wait { get; } = [];
        public List<string> Order { get; } = [];
        public List<string> Left { get; } = [];
        public int Asked { get; private set; }
        public int Most { get; set; } = int.MaxValue;

        public TimeSpan? Enter(string lane, string key, WorkPriority priority)
        {
            if (Wait.TryGetValue(lane, out var wait))
            {
                Asked++;
                return wait;
            }
            Order.Add(key);
            return null;
        }

        public int MostAtOnce(string lane) => Most;

        public void Leave(string lane, string key) => Left.Add(key);
    }
}
