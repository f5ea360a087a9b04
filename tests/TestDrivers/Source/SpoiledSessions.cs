using System.Text;
using Datum.Providers;

namespace TestDrivers;

/// <summary>Base of entry types whose description is in order and whose sessions aren't; a test puts type, id and location key into driver.json.</summary>
public abstract class SpoiledFactory(string id) : TestDriverBase
{
    public override DriverDescriptor Describe() => Descriptor(id, id);

    public override ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation) =>
        ValueTask.FromResult<IInfrastructureDriver>(new SpoiledSession());
}

/// <summary>A session of no kinds that answers its probe.</summary>
public class SpoiledSession : IInfrastructureDriver
{
    public virtual ValueTask<Answer<AccountFacts>> ProbeAsync(Call call) =>
        ValueTask.FromResult<Answer<AccountFacts>>(new AccountFacts { AccountId = "spoiled" });

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return EndAsync();
    }

    protected virtual ValueTask EndAsync() => ValueTask.CompletedTask;
}

public sealed class HangingConstructor : SpoiledFactory
{
    public HangingConstructor() : base("hanging-constructor")
    {
        using var never = new ManualResetEventSlim();
        never.Wait();
    }
}

/// <summary>Blocks its thread, so that no cancellation reaches it.</summary>
public sealed class HangingConnect() : SpoiledFactory("hanging-connect")
{
    public override ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation)
    {
        using var never = new ManualResetEventSlim();
        never.Wait(CancellationToken.None);
        return base.ConnectAsync(host, connection, cancellation);
    }
}

public sealed class HangingProbe() : SpoiledFactory("hanging-probe")
{
    public override ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation) =>
        ValueTask.FromResult<IInfrastructureDriver>(new Session());

    private sealed class Session : SpoiledSession
    {
        public override async ValueTask<Answer<AccountFacts>> ProbeAsync(Call call)
        {
            await new TaskCompletionSource().Task;
            return await base.ProbeAsync(call);
        }
    }
}

public sealed class NullSession() : SpoiledFactory("null-session")
{
    public override ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation) =>
        ValueTask.FromResult<IInfrastructureDriver>(null!);
}

public sealed class ForeignException() : SpoiledFactory("foreign-exception")
{
    public override ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation) =>
        throw new PlainException("the wire broke");
}

public sealed class ThrowingDispose() : SpoiledFactory("throwing-dispose")
{
    public override ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation) =>
        ValueTask.FromResult<IInfrastructureDriver>(new Session());

    private sealed class Session : SpoiledSession
    {
        protected override ValueTask EndAsync() => throw new PlainException("dispose went wrong");
    }
}

/// <summary>Takes the token "right" and no other; never says what it got.</summary>
public sealed class NeedsToken() : SpoiledFactory("needs-token")
{
    public override DriverDescriptor Describe() => base.Describe() with
    {
        CredentialKeys = [new CredentialKey { Key = "token", Required = true, Description = "The account's token" }],
    };

    public override async ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation) =>
        new Session(Encoding.UTF8.GetString((await host.ReadCredentialAsync("token", cancellation)).Span) == "right");

    private sealed class Session(bool accepted) : SpoiledSession
    {
        public override async ValueTask<Answer<AccountFacts>> ProbeAsync(Call call) => accepted
            ? await base.ProbeAsync(call)
            : new DriverError { Code = ErrorCode.Unauthenticated, Effect = Effect.NotApplied, Message = "The token isn't accepted." };
    }
}
