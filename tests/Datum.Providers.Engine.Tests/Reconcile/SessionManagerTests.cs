using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Providers;
using Datum.Providers.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Moq;

namespace Datum.Providers.Engine.Tests.Reconcile;

/// <summary>Which session an account has while its ProviderConfig changes.</summary>
public sealed class SessionManagerTests
{
    [TestCase(true)]
    [TestCase(false)]
    public async Task An_attempt_for_a_config_that_was_taken_back_decides_nothing(bool succeeds)
    {
        var time = new ManualScheduler();
        var connector = new Connector();
        var sessions = new SessionManager(Home(), connector, connector, time, NullLogger<SessionManager>.Instance);
        connector.Answers["http://one/"] = Task.FromResult(Driver());
        var hanging = new TaskCompletionSource<IInfrastructureDriver>(TaskCreationOptions.RunContinuationsAsynchronously);
        connector.Answers["http://two/"] = hanging.Task;
        var first = await AskAsync("http://one/");
        var good = first.Session;
        Assert.That(good, Is.Not.Null, first.Message);

        // The edit hangs; the caller is told to come back.
        Assert.That((await AskAsync("http://two/")).Session, Is.Null);
        // It is undone.
        Assert.That((await AskAsync("http://one/")).Session, Is.SameAs(good));
        if (succeeds)
            hanging.SetResult(Driver());
        else
            hanging.SetException(new InvalidOperationException("no answer"));
        PoolIdle.Wait();

        Assert.That((await AskAsync("http://one/")).Session, Is.SameAs(good));
        Assert.That(sessions.Open, Is.EqualTo(new[] { good }));

        async Task<SessionAnswer> AskAsync(string endpoint)
        {
            var config = new ProviderConfig { Metadata = new ObjectMeta { Name = "c", Uid = "u" }, Spec = new ProviderConfigSpec { Driver = "simulator", Endpoint = endpoint } };
            var asked = sessions.ForAsync(config, "simulator", null, CancellationToken.None);
            while (!asked.IsCompleted)
            {
                PoolIdle.Wait();
                if (!asked.IsCompleted)
                    time.AdvanceToNextTimer();
            }
            return await asked;
        }
    }

    private static IInfrastructureDriver Driver()
    {
        var driver = new Mock<IInfrastructureDriver>();
        driver.Setup(d => d.ProbeAsync(It.IsAny<Call>())).Returns(new ValueTask<Answer<AccountFacts>>(new AccountFacts { AccountId = "account" }));
        return driver.Object;
    }

    private static HomePlane Home() => new()
    {
        Client = Mock.Of<IKubernetesClient>(), Installation = "test", Namespace = "default",
        Entries = Mock.Of<IObjectCache<ManagedResource>>(), Configs = Mock.Of<IObjectCache<ProviderConfig>>(),
    };

    private sealed class Connector : IDriverConnector, ICredentialSource
    {
        private readonly DriverDescriptor _descriptor = new SimulatorDriverFactory().Describe();

        public Dictionary<string, Task<IInfrastructureDriver>> Answers { get; } = [];

        public DriverDescriptor? Find(string driverId) => _descriptor;

        public DriverDescriptor? FindByLocationKey(string key) => _descriptor;

        public string WhyMissing(string driverIdOrKey) => "";

        public ValueTask<IInfrastructureDriver> ConnectAsync(SessionRequest request, CancellationToken cancellation) => new(Answers[request.Connection.Endpoint!.ToString()]);

        public ValueTask<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>> ReadAsync(ProviderConfig config, CancellationToken cancellation) =>
            new(ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty);
    }
}
