using Datum.Providers.Host.Drivers;
using Datum.Providers.Host.Tests.Loader;
using Datum.Providers.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Host.Tests.Drivers;

public sealed class GuardedAbilityTests
{
    private static readonly GuardOptions s_options = new()
    {
        DriverId = "able", Scheduler = SystemScheduler.Instance, Logger = NullLogger.Instance, Grace = TimeSpan.FromMilliseconds(50),
    };

    private static readonly Ability[] s_all = [.. Enum.GetValues<Ability>().Where(a => a != Ability.Unknown)];
    private static readonly Part s_part = new() { Name = "network", Id = "net-1" };

    private static readonly Candidate<NetworkFacts> s_candidate = new()
    {
        Facts = new NetworkFacts(), Parts = [s_part], Mark = MarkState.Missing, State = Lifecycle.Ready,
    };

    private static readonly Offering s_offering = new()
    {
        Native = "small", CpuMillis = 1000, MemoryMiB = 1024, Price = new Price { Amount = 0.01m, Currency = "USD", Period = PricePeriod.Hour },
    };

    private static bool Offers(object session, Ability ability) => ability switch
    {
        Ability.Power => session is IPowerControl,
        Ability.ConsoleLog => session is IConsoleLog,
        Ability.ImageCatalog => session is IImageCatalog,
        Ability.Offerings => session is IOfferings,
        Ability.Quotas => session is IQuotas,
        Ability.ChangeFeed => session is IChangeFeed,
        Ability.Usage => session is IUsageReader,
        _ => throw new InvalidOperationException($"The contract has a new ability {ability}: extend this test."),
    };

    [Test]
    public void DC100_a_cast_finds_exactly_the_announced_abilities()
    {
        foreach (var announced in s_all)
        {
            var session = GuardedDriver.Wrap(new AbleSession(), s_options, [announced]);
            foreach (var ability in s_all)
                Assert.That(Offers(session, ability), Is.EqualTo(ability == announced), $"{ability} of a session that announces {announced}");
        }

        Assert.Throws<InvalidCastException>(() => _ = (IQuotas)(object)GuardedDriver.Wrap(new AbleSession(), s_options, [Ability.Power]));
        Assert.That(GuardedDriver.Wrap(new AbleSession(), s_options, s_all), Is.Not.InstanceOf<IAdoption<NetworkFacts>>().And.Not.InstanceOf<IFormattable>());
    }

    [Test]
    public void DC100_adoption_is_reachable_only_for_kinds_that_announce_it()
    {
        Assert.That(GuardedDriver.Wrap(new AbleSession(), s_options, [], [ResourceKind.Network]).Networks, Is.InstanceOf<IAdoption<NetworkFacts>>());
        Assert.That(GuardedDriver.Wrap(new AbleSession(), s_options, s_all, [ResourceKind.Disk]).Networks, Is.Not.InstanceOf<IAdoption<NetworkFacts>>());
    }

    [TestCaseSource(nameof(Verbs))]
    public async Task Every_ability_is_forwarded_with_its_own_arguments(Verb verb)
    {
        var (inner, session) = Able();
        inner.Answer = () => verb.Good;
        var (error, arguments) = await verb.CallAsync(session);
        Assert.That(error, Is.Null);
        Assert.That(inner.Arguments, Has.Length.EqualTo(arguments.Length));
        Assert.That(inner.Arguments.Zip(arguments, Equals), Has.All.True);
    }

    [TestCaseSource(nameof(Verbs))]
    public async Task An_ability_that_throws_is_a_bug_and_one_that_answers_null_too(Verb verb)
    {
        var (inner, session) = Able();
        inner.Answer = () => throw new InvalidOperationException("boom");
        Assert.That((await verb.CallAsync(session)).Error, Has.Property("Code").EqualTo(ErrorCode.Bug).And.Property("Message").Contains("boom"));
        inner.Answer = () => null;
        Assert.That((await verb.CallAsync(session)).Error, Has.Property("Code").EqualTo(ErrorCode.Bug).And.Property("Message").Contains("broke the contract"));
    }

    [TestCaseSource(nameof(Verbs))]
    public async Task L9_an_ability_that_never_answers_is_given_up(Verb verb)
    {
        var (inner, session) = Able();
        inner.Answer = () => verb.Never;
        var error = (await verb.CallAsync(session)).Error;
        Assert.That((error?.Code, error?.Effect), Is.EqualTo((ErrorCode.Timeout, verb.IsMutation ? Effect.Unknown : Effect.NotApplied)));
    }

    [TestCaseSource(nameof(WrongAnswers))]
    public async Task A_wrong_answer_of_an_ability_is_a_bug_that_names_the_rule(Verb verb, object wrong, string rule)
    {
        var (inner, session) = Able();
        inner.Answer = () => wrong;
        var error = (await verb.CallAsync(session)).Error;
        Assert.That(error?.Code, Is.EqualTo(ErrorCode.Bug));
        Assert.That(error!.Message, Does.Contain(rule));
    }

    [Test]
    public async Task DC103_console_text_is_counted_in_bytes_and_never_quoted()
    {
        var (inner, session) = Able();
        inner.Answer = () => (Answer<ConsoleText>)new ConsoleText { Text = new string('ä', 51) };
        var query = new ConsoleQuery { MaxBytes = 101 };
        var answer = await ((IConsoleLog)session).ReadConsoleAsync(TestHost.Call(), TestHost.Identity, query);
        Assert.That(answer.Error?.Message, Does.Contain("102 bytes, 101 were asked for").And.Not.Contains("ä"));
        inner.Answer = () => (Answer<ConsoleText>)new ConsoleText { Text = new string('ä', 50), Next = "1" };
        Assert.That((await ((IConsoleLog)session).ReadConsoleAsync(TestHost.Call(), TestHost.Identity, query with { Cursor = "1" })).Error, Is.Null, "nothing new is an answer");
    }

    [TestCase(true, false, "abilities don't fit: the session offers Power, ConsoleLog, ImageCatalog, Offerings, Quotas, ChangeFeed, Usage, but the descriptor names Power, ConsoleLog, ImageCatalog, Offerings, Quotas, ChangeFeed")]
    [TestCase(false, true, "adoption for don't fit: the session offers Network, but the descriptor names none")]
    [TestCase(false, false, null)]
    public async Task DC100_a_session_with_more_than_its_descriptor_names_is_refused(bool oneAbilityLess, bool noAdoption, string? fault) =>
        await ConnectsAsync(new AbleSession(), oneAbilityLess ? s_all[..^1] : s_all, adoptable: !noAdoption, fault);

    [Test]
    public async Task DC100_a_session_with_less_than_its_descriptor_names_is_refused()
    {
        await ConnectsAsync(new OneKind(new RecordingResource()), [Ability.ChangeFeed, Ability.Quotas], adoptable: false, "offers ChangeFeed, but the descriptor names Quotas, ChangeFeed");
        await ConnectsAsync(new AbleSession { HasAdoption = false }, s_all, adoptable: true, "offers none, but the descriptor names Network");
    }

    private static async Task ConnectsAsync(IInfrastructureDriver session, IEnumerable<Ability> abilities, bool adoptable, string? fault)
    {
        var descriptor = new DriverDescriptor
        {
            Id = "able", Version = "1.0.0", LocationKey = "able", LocationSchema = "{}", SettingsSchema = "{}", RangeOrder = RangeOrder.NetworkFirst,
            Abilities = [.. abilities],
            Kinds =
            [
                new KindDescriptor
                {
                    Kind = ResourceKind.Network, CreateClass = CreateClass.Named, ConsistencyWindow = TimeSpan.Zero, ListQuality = ListQuality.ServerSide,
                    TypicalCreate = TimeSpan.FromSeconds(1), CreateDeadline = TimeSpan.FromSeconds(1), Adoptable = adoptable,
                },
            ],
            Capabilities = null!,
        };
        var factory = new GuardedDriverFactory(new OneSession(session, descriptor), descriptor, s_options);
        using var host = new TestHost();
        if (fault is null)
        {
            var opened = await factory.ConnectAsync(host, new Connection { Installation = "test" }, default);
            Assert.That(opened, Is.InstanceOf<IQuotas>());
            await opened.DisposeAsync();
            return;
        }

        var thrown = (await Assert.ThrowsAsync<DriverException>(async () => await factory.ConnectAsync(host, new Connection { Installation = "test" }, default)))!;
        Assert.That(thrown.Error.Code, Is.EqualTo(ErrorCode.Bug));
        Assert.That(thrown.Error.Message, Does.Contain(fault));
    }

    private static (AbleSession Inner, object Session) Able()
    {
        var inner = new AbleSession();
        return (inner, GuardedDriver.Wrap(inner, s_options, s_all, [ResourceKind.Network]));
    }

    private static IEnumerable<TestCaseData> Verbs() => All().Select(v => new TestCaseData(v) { TestName = $"{{m}}({v})" });

    private static IEnumerable<Verb> All() => [Power, Console, Images, Offerings, Quotas, Usage, Inspect, Adopt, Release];

    private static readonly TimeSpan s_soon = TimeSpan.FromMilliseconds(300);

    private static Verb Power => Verb.Mutation<InstanceFacts>(nameof(Power), (s, o) => (((IPowerControl)s).PowerAsync(o, TestHost.Identity, PowerAction.Restart).AsTask(), [o, TestHost.Identity, PowerAction.Restart]));

    private static readonly ConsoleQuery s_console = new() { MaxBytes = 10 };
    private static readonly CatalogQuery s_catalog = new() { PageSize = 2 };

    private static Verb Console => Verb.Read(nameof(Console), new ConsoleText { Text = "0123456789", Next = "2" }, (s, c) => (((IConsoleLog)s).ReadConsoleAsync(c, TestHost.Identity, s_console).AsTask(), [c, TestHost.Identity, s_console]));

    private static Verb Images => Verb.Read(nameof(Images), new CatalogPage<PlatformImage> { Items = [new PlatformImage { Id = "i" }], Next = "next" }, (s, c) => (((IImageCatalog)s).ListImagesAsync(c, s_catalog, "cursor").AsTask(), [c, s_catalog, "cursor"]));

    private static Verb Offerings => Verb.Read(nameof(Offerings), new CatalogPage<Offering> { Items = [s_offering] }, (s, c) => (((IOfferings)s).ListOfferingsAsync(c, s_catalog, "cursor").AsTask(), [c, s_catalog, "cursor"]));

    private static Verb Quotas => Verb.Read(nameof(Quotas), new QuotaReport { Quotas = [new Quota { Name = "CPUS" }, new Quota { Name = "CPUS", Scope = "zone" }], Complete = true }, (s, c) => (((IQuotas)s).ReadQuotasAsync(c).AsTask(), [c]));

    private static readonly UsageSample s_usage = new() { Name = "a", Incarnation = 1, CpuMillis = 5, ObservedAt = DateTimeOffset.UnixEpoch };
    private static readonly ListQuery s_list = new() { Installation = "test" };

    private static Verb Usage => Verb.Read(nameof(Usage), new UsagePage { Items = [s_usage], Complete = true, Next = "next" }, (s, c) => (((IUsageReader)s).ListUsageAsync(c, s_list, "cursor").AsTask(), [c, s_list, "cursor"]));

    private static Verb Inspect => Verb.Read(nameof(Inspect), s_candidate, (s, c) => (Adoption(s).InspectAsync(c, TestHost.Identity, "net-1").AsTask(), [c, TestHost.Identity, "net-1"]));

    private static Verb Adopt => Verb.Mutation<NetworkFacts>(nameof(Adopt), (s, o) => (Adoption(s).AdoptAsync(o, TestHost.Identity, "net-1").AsTask(), [o, TestHost.Identity, "net-1"]));

    private static Verb Release => Verb.Mutation<NetworkFacts>(nameof(Release), (s, o) => (Adoption(s).ReleaseAsync(o, TestHost.Identity).AsTask(), [o, TestHost.Identity]));

    private static IAdoption<NetworkFacts> Adoption(object session) => (IAdoption<NetworkFacts>)((IInfrastructureDriver)session).Networks!;

    private static IEnumerable<TestCaseData> WrongAnswers()
    {
        yield return Case(Power, new Running<InstanceFacts> { Progress = null! }, "Progress is null");
        yield return Case(Power, new Done<InstanceFacts> { Parts = [s_part, s_part] }, "holds network twice");
        yield return Case(Console, Read(new ConsoleText { Text = null! }), "Text is null");
        yield return Case(Console, Read(new ConsoleText { Text = "0123456789x" }), "11 bytes, 10 were asked for at most");
        yield return Case(Console, Read(new ConsoleText { Text = "", Next = "" }), "Next is empty");
        var images = new CatalogPage<PlatformImage> { Items = [new PlatformImage { Id = "i" }] };
        yield return Case(Images, Read(images with { Items = default }), "Items is default");
        yield return Case(Images, Read(images with { Items = [null!] }), "Items holds null");
        yield return Case(Images, Read(images with { Next = "cursor" }), "would never end");
        yield return Case(Images, Read(images with { Next = "" }), "Next is empty");
        yield return Case(Images, Read(images with { Items = [images.Items[0], images.Items[0], images.Items[0]] }), "holds 3 entries, 2 were asked for");
        yield return Case(Images, Read(images with { Items = [new PlatformImage { Id = " " }] }), "has no Id");
        yield return Case(Images, Read(images with { Items = [new PlatformImage { Id = "i", MinDiskGiB = -1 }] }), "negative MinDiskGiB");
        yield return Case(Offerings, Read(Page(s_offering with { Native = "" })), "has no Native");
        yield return Case(Offerings, Read(Page(s_offering with { CpuMillis = 0 })), "isn't above zero");
        yield return Case(Offerings, Read(Page(s_offering with { Remaining = -1 })), "negative Remaining");
        yield return Case(Offerings, Read(Page(s_offering with { Available = false, Remaining = 3 })), "isn't Available though 3");
        yield return Case(Offerings, Read(Page(s_offering with { Price = s_offering.Price! with { Currency = null! } })), "Currency");
        yield return Case(Offerings, Read(Page(s_offering with { Price = s_offering.Price! with { Currency = "usd" } })), "Currency");
        yield return Case(Offerings, Read(Page(s_offering with { Price = s_offering.Price! with { Amount = -1 } })), "Amount is negative");
        yield return Case(Offerings, Read(Page(s_offering with { Price = s_offering.Price! with { Period = PricePeriod.Unknown } })), "Period is Unknown");
        yield return Case(Quotas, Read(new QuotaReport { Quotas = default, Complete = true }), "Quotas is default");
        yield return Case(Quotas, Read(new QuotaReport { Quotas = [new Quota { Name = "" }], Complete = true }), "has no Name");
        yield return Case(Quotas, Read(new QuotaReport { Quotas = [new Quota { Name = "A" }, new Quota { Name = "A" }], Complete = true }), "there twice");
        yield return Case(Quotas, Read(new QuotaReport { Quotas = [new Quota { Name = "A", Limit = -1 }], Complete = true }), "negative Limit");
        yield return Case(Quotas, Read(new QuotaReport { Quotas = [new Quota { Name = "A", Kind = (ResourceKind)99 }], Complete = true }), "a Kind that");
        var usage = new UsagePage { Items = [s_usage], Complete = true };
        yield return Case(Usage, Read(usage with { Items = default }), "Items is default");
        yield return Case(Usage, Read(usage with { Items = [null!] }), "has no Name");
        yield return Case(Usage, Read(usage with { Next = "" }), "Next is empty");
        yield return Case(Usage, Read(usage with { Next = "cursor" }), "would never end");
        yield return Case(Usage, Read(usage with { Items = [s_usage, s_usage with { CpuMillis = 6 }] }), "there twice");
        yield return Case(Usage, Read(usage with { Items = [s_usage with { Incarnation = -1 }] }), "negative Incarnation");
        yield return Case(Usage, Read(usage with { Items = [s_usage with { CpuMillis = -1 }] }), "negative CpuMillis");
        yield return Case(Usage, Read(usage with { Items = [s_usage with { CpuCapacityMillis = 0 }] }), "isn't above zero");
        yield return Case(Usage, Read(usage with { Items = [s_usage with { ObservedAt = default }] }), "has no ObservedAt");
        yield return Case(Inspect, Read(s_candidate with { Facts = null! }), "Facts is null");
        yield return Case(Inspect, Read(s_candidate with { Parts = default }), "Parts is default or empty");
        yield return Case(Inspect, Read(s_candidate with { Parts = [s_part with { Id = "" }] }), "without an Id");
        yield return Case(Inspect, Read(s_candidate with { Mark = MarkState.Unknown }), "neither Missing, Ours nor Foreign");
        yield return Case(Inspect, Read(s_candidate with { Mark = MarkState.Foreign }), "without an Owner");
        yield return Case(Inspect, Read(s_candidate with { Owner = "me" }), "Owner is set");
        yield return Case(Inspect, Read(s_candidate with { State = (Lifecycle)99 }), "State isn't one");
        yield return Case(Adopt, new Failed<NetworkFacts> { Error = null! }, "Error is null");
        yield return Case(Release, new Done<NetworkFacts> { Observation = new Absent<NetworkFacts> { Next = new Step { Part = "network", Verb = StepVerb.Create, Class = CreateClass.Named } } }, "nothing is desired");
        static TestCaseData Case(Verb verb, object wrong, string rule) => new(verb, wrong, rule) { TestName = $"{{m}}({verb}: {rule})" };
        static Answer<T> Read<T>(T value) where T : class => value;
        static CatalogPage<Offering> Page(Offering offering) => new() { Items = [offering] };
    }

    /// <summary>One verb of an ability: how it is called, a good answer, one that never comes.</summary>
    public sealed class Verb
    {
        private Func<object, Task<(DriverError?, object?[])>>? _call;
        private string _name = "";

        public object? Good { get; private init; }

        public object? Never { get; private init; }

        public bool IsMutation { get; private init; }

        public Task<(DriverError? Error, object?[] Arguments)> CallAsync(object session) => _call!(session);

        public override string ToString() => _name;

        public static Verb Read<T>(string name, T good, Func<object, Call, (Task<Answer<T>>, object?[])> call) where T : class => new()
        {
            _name = name, Good = (Answer<T>)good, Never = new TaskCompletionSource<Answer<T>>().Task,
            _call = async session =>
            {
                var (task, arguments) = call(session, TestHost.Call(s_soon));
                return ((await task).Error, arguments);
            },
        };

        public static Verb Mutation<TFacts>(string name, Func<object, Operation, (Task<Outcome<TFacts>>, object?[])> call) where TFacts : ResourceFacts => new()
        {
            _name = name, Good = new Done<TFacts>(), Never = new TaskCompletionSource<Outcome<TFacts>>().Task, IsMutation = true,
            _call = async session =>
            {
                var (task, arguments) = call(session, TestHost.Operation(StepVerb.Update, s_soon));
                return ((await task as Failed<TFacts>)?.Error, arguments);
            },
        };
    }

    private sealed class OneSession(IInfrastructureDriver session, DriverDescriptor descriptor) : IDriverFactory
    {
        public DriverDescriptor Describe() => descriptor;

        public ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation) => ValueTask.FromResult(session);
    }
}
