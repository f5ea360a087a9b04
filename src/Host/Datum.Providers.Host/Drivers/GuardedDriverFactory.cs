namespace Datum.Providers.Host.Drivers;

/// <summary>A driver's factory whose sessions come guarded, and whose description is the one that was checked at start.</summary>
internal sealed class GuardedDriverFactory(IDriverFactory inner, DriverDescriptor descriptor, GuardOptions options) : IDriverFactory
{
    private IDriverFactory? _inner = inner;

    public DriverDescriptor Describe() => descriptor;

    /// <summary>Opens a session; whatever goes wrong is a <see cref="DriverException"/> of ours.</summary>
    public async ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation)
    {
        var factory = _inner ?? throw new ObjectDisposedException($"driver {options.DriverId}", "The driver was unloaded.");
        var lent = new RedactingDriverHost(host);
        var sessionOptions = options with { Redact = text => lent.Redact(options.Redact?.Invoke(text) ?? text) };
        var guard = new GuardedCall(sessionOptions);
        var result = await guard.RunAsync(nameof(ConnectAsync), new CallLimit(options.Scheduler.Time.GetUtcNow() + options.ConnectTimeout, cancellation),
            async () => await factory.ConnectAsync(lent, connection, cancellation) is { } session ? GuardedDriver.Wrap(session, sessionOptions) : null,
            late: async session =>
            {
                if (session is not null)
                    await session.DisposeAsync();
            });
        if (result.Thrown is { } error && ResultRules.ErrorFault(error) is null)
            throw new DriverException(error);
        if (result.Fault != GuardFault.Unknown)
            throw new DriverException(guard.ErrorOf(nameof(ConnectAsync), result.Fault, result.Text!, mutation: false));
        if (Fault(result.Value) is not { } fault)
            return result.Value!;
        if (result.Value is { } wrong)
            await wrong.DisposeAsync();
        guard.Report(nameof(ConnectAsync), GuardFault.Invalid, fault);
        throw new DriverException(guard.ErrorOf(nameof(ConnectAsync), GuardFault.Invalid, "broke the contract: " + fault, mutation: false));
    }

    /// <summary>Lets go of the driver, so that its load context can be unloaded.</summary>
    internal void Release() => _inner = null;

    private string? Fault(GuardedDriver? session)
    {
        if (session is null)
            return "the session is null";
        var described = descriptor.Kinds.Select(k => k.Kind).ToHashSet();
        var offered = session.Kinds().ToHashSet();
        return described.SetEquals(offered)
            ? null
            : $"the session offers {List(offered)}, but the descriptor names {List(described)}";
    }

    private static string List(HashSet<ResourceKind> kinds) => kinds.Count == 0 ? "no kind" : string.Join(", ", kinds.Order());
}
