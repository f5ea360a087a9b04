using Datum.Providers;

namespace TestDrivers;

/// <summary>Base of the entry types that a test puts into driver.json in place of <see cref="PlainFactory"/>.</summary>
public abstract class FaultyFactory : TestDriverBase
{
    public override DriverDescriptor Describe() => Descriptor("plain", "plain");

    public override ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation) =>
        throw new PlainException("not reachable in these tests");
}

public sealed class ThrowingConstructor : FaultyFactory
{
    public ThrowingConstructor() => throw new PlainException("no licence found");
}

public sealed class ThrowingDescribe : FaultyFactory
{
    public override DriverDescriptor Describe() => throw new PlainException("describe went wrong");
}

/// <summary>An exception whose own text throws.</summary>
public sealed class HostileDescribe : FaultyFactory
{
    public override DriverDescriptor Describe() => throw new HostileException();

    private sealed class HostileException : Exception
    {
        public override string Message => throw new PlainException("no message for you");
    }
}

public sealed class HangingDescribe : FaultyFactory
{
    public override DriverDescriptor Describe()
    {
        using var never = new ManualResetEventSlim();
        never.Wait();
        return base.Describe();
    }
}

public sealed class NullDescribe : FaultyFactory
{
    public override DriverDescriptor Describe() => null!;
}

public sealed class OtherIdDescribe : FaultyFactory
{
    public override DriverDescriptor Describe() => Descriptor("somebody-else", "plain");
}

public sealed class DefaultKindsDescribe : FaultyFactory
{
    public override DriverDescriptor Describe() => base.Describe() with { Kinds = default };
}

public sealed class NotAFactory;

public sealed class NeedsArgument(string argument) : FaultyFactory
{
    public string Argument { get; } = argument;
}

internal sealed class HiddenFactory : FaultyFactory;
