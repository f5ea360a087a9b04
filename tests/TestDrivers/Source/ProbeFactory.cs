using Datum.Providers;

namespace TestDrivers;

/// <summary>A driver without kinds that does its one thing when it is probed, and answers with what came of it.</summary>
public abstract class ProbeFactory(string id) : TestDriverBase
{
    public override DriverDescriptor Describe() => Descriptor(id, id);

    /// <summary>What came of it.</summary>
    public abstract ValueTask<string> DoAsync();

    public override ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation) =>
        ValueTask.FromResult<IInfrastructureDriver>(new Session(this));

    private sealed class Session(ProbeFactory factory) : IInfrastructureDriver
    {
        public async ValueTask<Answer<AccountFacts>> ProbeAsync(Call call) =>
            new AccountFacts { AccountId = "special", PlatformVersion = await factory.DoAsync() };

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
