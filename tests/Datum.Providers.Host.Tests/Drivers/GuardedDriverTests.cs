using System.Reflection;
using Datum.Providers.Host.Drivers;
using Datum.Providers.Host.Tests.Loader;
using Datum.Providers.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Host.Tests.Drivers;

public sealed class GuardedDriverTests
{
    private static readonly GuardOptions s_options = new()
    {
        DriverId = "test",
        Scheduler = SystemScheduler.Instance,
        Logger = NullLogger.Instance,
        Grace = TimeSpan.FromMilliseconds(50),
        Redact = t => t.Replace("s3cret", "***", StringComparison.Ordinal),
    };

    private static readonly Part s_part = new() { Name = "network", Id = "net-1" };

    [Test]
    public void Every_member_of_the_contract_is_implemented_by_the_guard_itself()
    {
        AssertNoDefaults(typeof(GuardedDriver), typeof(IInfrastructureDriver));
        AssertNoDefaults(typeof(GuardedResource<NetworkSpec, NetworkFacts>), typeof(IResourceDriver<NetworkSpec, NetworkFacts>));
        AssertNoDefaults(typeof(GuardedChangeFeed), typeof(IChangeFeed));
    }

    [Test]
    public async Task Every_verb_of_a_kind_is_forwarded_with_its_own_arguments()
    {
        var verbs = typeof(IResourceDriver<NetworkSpec, NetworkFacts>).GetMethods();
        Assert.That(verbs, Has.Length.EqualTo(6));
        foreach (var verb in verbs)
        {
            var inner = new RecordingResource();
            var guarded = Guard(inner);
            object?[] arguments = [.. verb.GetParameters().Select(p => Argument(p.ParameterType))];
            var task = verb.Invoke(guarded, arguments)!;
            await (Task)task.GetType().GetMethod("AsTask")!.Invoke(task, null)!;
            Assert.That(inner.Verb, Is.EqualTo(verb.Name));
            Assert.That(inner.Arguments, Has.Length.EqualTo(arguments.Length));
            Assert.That(inner.Arguments.Zip(arguments, ReferenceEquals), Has.All.True, verb.Name);
        }
    }

    [Test]
    public void Every_kind_of_a_session_is_guarded_and_a_missing_one_stays_null()
    {
        var properties = typeof(IInfrastructureDriver).GetProperties();
        Assert.That(properties, Has.Length.EqualTo(7));
        var full = GuardedDriver.Wrap(DispatchProxy.Create<IInfrastructureDriver, EverythingProxy>(), s_options);
        var empty = GuardedDriver.Wrap(new EmptySession(), s_options);
        Assert.Multiple(() =>
        {
            foreach (var property in properties)
            {
                Assert.That(property.GetValue(full)?.GetType().Name, Does.StartWith("Guarded"), property.Name);
                Assert.That(property.GetValue(empty), Is.Null, property.Name);
            }

            Assert.That(full.Kinds(), Is.EquivalentTo(Enum.GetValues<ResourceKind>().Where(k => k != ResourceKind.Unknown)));
            Assert.That(empty.Kinds(), Is.Empty);
        });
    }

    [Test]
    public void Guarding_twice_is_impossible()
    {
        var once = GuardedDriver.Wrap(new EmptySession(), s_options);
        Assert.That(GuardedDriver.Wrap(once, s_options), Is.SameAs(once));
        Assert.That(typeof(GuardedDriver).GetConstructors(), Is.Empty);
        Assert.That(typeof(GuardedResource<,>).GetConstructors(), Is.Empty);
    }

    [Test]
    public async Task L9_a_call_that_ignores_cancellation_is_given_up_at_its_deadline()
    {
        var never = new TaskCompletionSource<Outcome<NetworkFacts>>();
        var outcome = await Guard(new RecordingResource { Mutate = () => never.Task }).CreateAsync(TestHost.Operation(StepVerb.Create, TimeSpan.FromMilliseconds(50)), TestHost.Identity, new NetworkSpec());
        AssertFailed(outcome, ErrorCode.Timeout, Effect.Unknown, "didn't return by its deadline");
        // Its late end is observed: nothing reaches the process's handler of unobserved exceptions.
        never.SetException(new InvalidOperationException("late"));
    }

    [Test]
    public async Task L9_a_call_that_blocks_its_thread_is_given_up_too()
    {
        using var gate = new ManualResetEventSlim();
        var inner = new RecordingResource
        {
            Mutate = () =>
            {
                gate.Wait();
                return Task.FromResult<Outcome<NetworkFacts>>(new Done<NetworkFacts>());
            },
        };
        var outcome = await Guard(inner).CreateAsync(TestHost.Operation(StepVerb.Create, TimeSpan.FromMilliseconds(50)), TestHost.Identity, new NetworkSpec());
        gate.Set();
        AssertFailed(outcome, ErrorCode.Timeout, Effect.Unknown, "was given up");
    }

    [Test]
    public async Task A_late_exception_is_swallowed()
    {
        var unobserved = 0;
        void Count(object? sender, UnobservedTaskExceptionEventArgs e) => Interlocked.Increment(ref unobserved);
        TaskScheduler.UnobservedTaskException += Count;
        try
        {
            await GiveUpAsync();
            await Task.Yield();
            for (var i = 0; i < 3; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }

            Assert.That(unobserved, Is.Zero);
        }
        finally
        {
            TaskScheduler.UnobservedTaskException -= Count;
        }

        static async Task GiveUpAsync()
        {
            var never = new TaskCompletionSource<Outcome<NetworkFacts>>(TaskCreationOptions.RunContinuationsAsynchronously);
            await Guard(new RecordingResource { Mutate = () => never.Task }).CreateAsync(TestHost.Operation(StepVerb.Create, TimeSpan.Zero), TestHost.Identity, new NetworkSpec());
            never.SetException(new InvalidOperationException("late"));
        }
    }

    [Test]
    public async Task An_answer_within_the_grace_after_the_deadline_is_taken()
    {
        var answer = new TaskCompletionSource<Outcome<NetworkFacts>>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var cancelled = new CancellationTokenSource();
        var options = s_options with { Grace = TimeSpan.FromSeconds(30) };
        var guarded = GuardedDriver.Wrap(new OneKind(new RecordingResource { Mutate = () => answer.Task }), options).Networks!;
        var operation = new Operation { Call = TestHost.Call(cancellation: cancelled.Token), Step = TestHost.Operation(StepVerb.Create).Step, Token = "t" };
        var call = guarded.CreateAsync(operation, TestHost.Identity, new NetworkSpec()).AsTask();
        await cancelled.CancelAsync();
        answer.SetResult(new Failed<NetworkFacts> { Error = new DriverError { Code = ErrorCode.Timeout, Effect = Effect.NotApplied, Message = "not sent" } });
        AssertFailed(await call, ErrorCode.Timeout, Effect.NotApplied, "not sent");
    }

    [Test]
    public async Task L12_a_known_secret_in_an_exception_is_taken_out()
    {
        var outcome = await Guard(new RecordingResource { Mutate = () => throw new InvalidOperationException("token s3cret refused") })
            .CreateAsync(TestHost.Operation(StepVerb.Create), TestHost.Identity, new NetworkSpec());
        AssertFailed(outcome, ErrorCode.Bug, Effect.Unknown, "token *** refused");
        Assert.That(((Failed<NetworkFacts>)outcome).Error.Message, Does.Not.Contain("s3cret"));
    }

    [Test]
    public async Task Reading_calls_that_throw_are_bugs_and_findings_that_throw_are_a_driver_exception()
    {
        var guarded = Guard(new RecordingResource { Read = () => throw new InvalidOperationException("boom") });
        var observed = await guarded.ObserveAsync(TestHost.Call(), TestHost.Identity, null, null);
        Assert.That((observed.Error?.Code, observed.Error?.Effect), Is.EqualTo((ErrorCode.Bug, Effect.Unknown)));
        var thrown = (await Assert.ThrowsAsync<DriverException>(async () => await guarded.ValidateAsync(TestHost.Call(), new NetworkSpec())))!;
        Assert.That((thrown.Error.Code, thrown.InnerException), Is.EqualTo((ErrorCode.Bug, (Exception?)null)));
    }

    [TestCaseSource(nameof(WrongOutcomes))]
    public async Task A_wrong_outcome_is_a_bug_that_names_the_rule(string rule, Outcome<NetworkFacts>? wrong)
    {
        var outcome = await Guard(new RecordingResource { Mutate = () => Task.FromResult(wrong!) }).CreateAsync(TestHost.Operation(StepVerb.Create), TestHost.Identity, new NetworkSpec());
        AssertFailed(outcome, ErrorCode.Bug, Effect.Unknown, rule);
    }

    [Test]
    public async Task Usable_parts_of_a_wrong_outcome_are_kept()
    {
        var wrong = new Running<NetworkFacts> { Progress = null!, Parts = [s_part] };
        var outcome = await Guard(new RecordingResource { Mutate = () => Task.FromResult<Outcome<NetworkFacts>>(wrong) }).CreateAsync(TestHost.Operation(StepVerb.Create), TestHost.Identity, new NetworkSpec());
        Assert.That(outcome.Parts.Single().Id, Is.EqualTo("net-1"));
    }

    [TestCaseSource(nameof(WrongObservations))]
    public async Task A_wrong_observation_is_a_bug_that_names_the_rule(string rule, Answer<Observation<NetworkFacts>>? wrong, bool wanted)
    {
        var guarded = Guard(new RecordingResource { Read = () => wrong });
        var answer = await guarded.ObserveAsync(TestHost.Call(), TestHost.Identity, wanted ? new NetworkSpec() : null, null);
        Assert.That(answer.Error?.Code, Is.EqualTo(ErrorCode.Bug));
        Assert.That(answer.Error!.Message, Does.Contain(rule));
    }

    [TestCaseSource(nameof(WrongPages))]
    public async Task A_wrong_page_is_a_bug_that_names_the_rule(string rule, ListPage<NetworkFacts> wrong)
    {
        var guarded = Guard(new RecordingResource { Read = () => (Answer<ListPage<NetworkFacts>>)wrong });
        var answer = await guarded.ListAsync(TestHost.Call(), new ListQuery { Installation = "test" }, "cursor");
        Assert.That(answer.Error?.Code, Is.EqualTo(ErrorCode.Bug));
        Assert.That(answer.Error!.Message, Does.Contain(rule));
    }

    [Test]
    public async Task An_empty_account_id_is_a_bug()
    {
        var answer = await GuardedDriver.Wrap(new EmptySession(), s_options).ProbeAsync(TestHost.Call());
        Assert.That(answer.Error?.Message, Does.Contain("AccountId is empty"));
    }

    [Test]
    public async Task A_feed_that_fails_or_yields_nonsense_ends_and_passes_on_what_came_before()
    {
        foreach (var bad in new Func<Change>[] { () => throw new InvalidOperationException("broken"), () => null!, () => new Change { Kind = ResourceKind.Unknown } })
        {
            var feed = (IChangeFeed)(object)GuardedDriver.Wrap(new OneKind(new RecordingResource(), new Feed(bad)), s_options, [Ability.ChangeFeed]);
            List<Change> changes = [];
            await foreach (var change in feed.WatchAsync(TestHost.Call()))
                changes.Add(change);
            Assert.That(changes.Select(c => c.Kind), Is.EqualTo(new[] { ResourceKind.Network }));
        }
    }

    private static IEnumerable<TestCaseData> WrongOutcomes()
    {
        yield return Case("the Outcome is null", null);
        yield return Case("Failed.Error is null", new Failed<NetworkFacts> { Error = null! });
        yield return Case("Message is empty", new Failed<NetworkFacts> { Error = new DriverError { Code = ErrorCode.Failed, Effect = Effect.Unknown, Message = " " } });
        yield return Case("RetryAfter is negative", new Failed<NetworkFacts> { Error = new DriverError { Code = ErrorCode.Failed, Effect = Effect.Unknown, Message = "x", RetryAfter = TimeSpan.FromSeconds(-1) } });
        yield return Case("Progress is null", new Running<NetworkFacts> { Progress = null! });
        yield return Case("LookAgainAfter", new Running<NetworkFacts> { Progress = new Progress { LookAgainAfter = TimeSpan.Zero } });
        yield return Case("Handle.Data", new Running<NetworkFacts> { Progress = new Progress { LookAgainAfter = TimeSpan.FromSeconds(1), Handle = new Handle { Data = new string('x', 1025) } } });
        yield return Case("'Upper'", new Done<NetworkFacts> { Parts = [new Part { Name = "Upper", Id = "1" }] });
        yield return Case("without an Id", new Done<NetworkFacts> { Parts = [new Part { Name = "network", Id = "" }] });
        yield return Case("twice", new Done<NetworkFacts> { Parts = [s_part, s_part] });
        static TestCaseData Case(string rule, Outcome<NetworkFacts>? outcome) => new(rule, outcome) { TestName = $"{{m}}({rule})" };
    }

    private static IEnumerable<TestCaseData> WrongObservations()
    {
        var present = new Present<NetworkFacts> { Facts = new NetworkFacts(), Parts = [s_part], State = Lifecycle.Ready, Mark = MarkState.Ours };
        var step = new Step { Part = "network", Verb = StepVerb.Create, Class = CreateClass.Named };
        yield return new("the Answer is null", null, true) { TestName = "{m}(null)" };
        yield return Case("Facts is null", present with { Facts = null! }, true);
        yield return Case("Present.Parts is default or empty", present with { Parts = default }, true);
        yield return Case("Present.Parts is default or empty", present with { Parts = [] }, true);
        yield return Case("fewer than two", new Ambiguous<NetworkFacts> { Candidates = default }, true);
        yield return Case("fewer than two", new Ambiguous<NetworkFacts> { Candidates = [s_part] }, true);
        yield return Case("Step.Part 'a b'", new Absent<NetworkFacts> { Next = step with { Part = "a b" } }, true);
        yield return Case("Step.Part ''", new Absent<NetworkFacts> { Next = step with { Part = "" } }, true);
        yield return Case("Step.Verb is Unknown", new Absent<NetworkFacts> { Next = step with { Verb = StepVerb.Unknown } }, true);
        yield return Case("Step.Class is Unknown", new Absent<NetworkFacts> { Next = step with { Class = CreateClass.Unknown } }, true);
        yield return Case("nothing is desired", new Absent<NetworkFacts> { Next = step }, false);
        yield return Case("nothing is desired", present with { Next = step }, false);
        yield return Case("Drift has no Path", present with { Drift = [new Drift { Path = "", Remedy = Remedy.InPlace }] }, true);
        static TestCaseData Case(string rule, Observation<NetworkFacts> observation, bool wanted) => new(rule, (Answer<Observation<NetworkFacts>>)observation, wanted);
    }

    private static IEnumerable<TestCaseData> WrongPages()
    {
        var item = new Listed<NetworkFacts> { Name = "n", Incarnation = 1, Parts = [s_part], State = Lifecycle.Ready };
        var page = new ListPage<NetworkFacts> { Items = [item], Complete = true };
        yield return new("Items is default", page with { Items = default });
        yield return new("would never end", page with { Next = "cursor" });
        yield return new("has no Name", page with { Items = [item with { Name = "" }] });
        yield return new("is default or empty", page with { Items = [item with { Parts = default }] });
        yield return new("negative Incarnation", page with { Items = [item with { Incarnation = -1 }] });
    }

    private static IResourceDriver<NetworkSpec, NetworkFacts> Guard(RecordingResource inner) => GuardedDriver.Wrap(new OneKind(inner), s_options).Networks!;

    private static void AssertFailed(Outcome<NetworkFacts> outcome, ErrorCode code, Effect effect, string text)
    {
        var error = (outcome as Failed<NetworkFacts>)?.Error;
        Assert.That((error?.Code, error?.Effect), Is.EqualTo(((ErrorCode?)code, (Effect?)effect)), error?.Message);
        Assert.That(error!.Message, Does.Contain(text));
    }

    private static void AssertNoDefaults(Type type, Type contract)
    {
        foreach (var target in type.GetInterfaceMap(contract).TargetMethods)
            Assert.That(target.DeclaringType, Is.EqualTo(type), target.Name);
    }

    private static object Argument(Type type) => type switch
    {
        _ when type == typeof(Call) => TestHost.Call(),
        _ when type == typeof(Operation) => TestHost.Operation(StepVerb.Create),
        _ when type == typeof(Identity) => TestHost.Identity with { },
        _ when type == typeof(NetworkSpec) => new NetworkSpec(),
        _ when type == typeof(Handle) => new Handle { Data = "h" },
        _ when type == typeof(ListQuery) => new ListQuery { Installation = "test" },
        _ when type == typeof(string) => "cursor",
        _ => throw new InvalidOperationException($"The contract has a new parameter type {type}: extend this test."),
    };
}
