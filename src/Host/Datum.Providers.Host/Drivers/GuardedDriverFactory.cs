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
        var result = await guard.RunAsync(nameof(ConnectAsync), new CallLimit(guard.Now + options.ConnectTimeout, cancellation),
            async () => await factory.ConnectAsync(lent, connection, cancellation) is { } session ? Wrap(session, sessionOptions) : null,
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
        throw new DriverException(guard.Invalid(nameof(ConnectAsync), fault, mutation: false));
    }

    /// <summary>Lets go of the driver, so that its load context can be unloaded.</summary>
    internal void Release() => _inner = null;

    private GuardedDriver Wrap(IInfrastructureDriver session, GuardOptions sessionOptions) =>
        GuardedDriver.Wrap(session, sessionOptions, descriptor.Abilities, [.. descriptor.Kinds.Where(k => k.Adoptable).Select(k => k.Kind)]);

    /// <summary>A session has what its descriptor says, no more and no less (DC-1, DC-100): the host decides by the descriptor.</summary>
    private string? Fault(GuardedDriver? session) => session is null ? "the session is null"
        : Difference("kinds", session.Kinds(), descriptor.Kinds.Select(k => k.Kind))
        ?? Difference("abilities", session.Abilities.Implemented, descriptor.Abilities)
        ?? Difference("adoption for", session.ImplementAdoption, descriptor.Kinds.Where(k => k.Adoptable).Select(k => k.Kind));

    private static string? Difference<T>(string what, IEnumerable<T> offered, IEnumerable<T> described) where T : struct, Enum
    {
        HashSet<T> has = [.. offered], should = [.. described];
        return has.SetEquals(should) ? null : $"{what} don't fit: the session offers {List(has)}, but the descriptor names {List(should)}";
    }

    private static string List<T>(HashSet<T> members) where T : struct, Enum => members.Count == 0 ? "none" : string.Join(", ", members.Order());
}
