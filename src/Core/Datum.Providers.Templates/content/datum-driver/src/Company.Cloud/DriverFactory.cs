using System.Text;

namespace Company_Cloud;

/// <summary>The entry of the driver; driver.json names it.</summary>
public sealed class DriverFactory : IDriverFactory
{
    /// <inheritdoc/>
    public DriverDescriptor Describe() => Descriptor.Create();

    /// <inheritdoc/>
    public async ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation)
    {
        // DC-2: what is wrong is said here, with the field, and nothing is left open.
        if (connection.Endpoint is not { } endpoint || endpoint.Scheme is not ("http" or "https"))
            throw Refuse(ErrorCode.Invalid, "endpoint", "spec.endpoint must name the platform's address (http or https).");
        var token = Encoding.UTF8.GetString((await host.ReadCredentialAsync(Descriptor.TokenKey, cancellation)).Span).Trim();
        if (token.Length == 0)
            throw Refuse(ErrorCode.Unauthenticated, "credentials", $"The credentials hold no '{Descriptor.TokenKey}'; add an API token under that key.");
        return new Session(new CloudClient(host, endpoint, token));
    }

    private static DriverException Refuse(ErrorCode code, string field, string message) =>
        new(new DriverError { Code = code, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Field = field, Message = message });
}
