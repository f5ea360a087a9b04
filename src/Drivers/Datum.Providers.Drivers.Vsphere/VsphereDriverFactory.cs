using System.Text;
using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere;

/// <summary>The driver's entry: VMware vSphere, one vCenter a session.</summary>
public sealed class VsphereDriverFactory : IDriverFactory
{
    /// <inheritdoc/>
    public DriverDescriptor Describe() => VsphereDescriptor.Describe();

    /// <inheritdoc/>
    public async ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation)
    {
        var settings = VsphereSettings.Read(connection.Settings);
        var endpoint = ReadEndpoint(connection.Endpoint);
        var user = await ReadAsync(host, VsphereDescriptor.UserCredential, cancellation);
        var password = await ReadAsync(host, VsphereDescriptor.PasswordCredential, cancellation);
        // Requests hold the password as XML writes it.
        var redactor = new Redactor([password, System.Security.SecurityElement.Escape(password) ?? password]);
        var login = new VimLogin(host, user, redactor);
        var client = new VimClient(host.HttpHandler, host.Time, endpoint, settings.ApiVersion, login);
        var properties = new Properties(client);
        var tasks = new VimTasks(client, properties, VimErrors.Table(redactor), host.Time);
        var rest = new VimRest(host.HttpHandler, host.Time, endpoint, login);
        return new VsphereSession(new VsphereContext(client, properties, tasks, new DatastoreFiles(client, tasks), new Places(client), rest, new ContentLibrary(rest), new Tags(rest, settings.Tags), settings, connection, host.Time));
    }

    internal static DriverException Refuse(string field, string message) =>
        new(new DriverError { Code = ErrorCode.Invalid, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Field = field, Message = message });

    /// <summary>The server's address; an <c>/sdk</c> at its end, as other tools write it, is taken off.</summary>
    private static Uri ReadEndpoint(Uri? endpoint)
    {
        if (endpoint is null)
            throw Refuse("endpoint", "spec.endpoint is missing: write the vCenter's address, such as https://vcenter.example.com/.");
        if (endpoint.Scheme is not ("https" or "http") || endpoint.UserInfo.Length > 0)
            throw Refuse("endpoint", "spec.endpoint isn't an https address without user and password.");
        var path = endpoint.AbsolutePath.TrimEnd('/');
        return new Uri(endpoint.GetLeftPart(UriPartial.Authority) + (path.EndsWith("/sdk", StringComparison.OrdinalIgnoreCase) ? path[..^4] : path) + "/");
    }

    private static async ValueTask<string> ReadAsync(IDriverHost host, string key, CancellationToken cancellation)
    {
        var value = Encoding.UTF8.GetString((await host.ReadCredentialAsync(key, cancellation)).Span).TrimEnd('\r', '\n');
        return value.Length > 0 ? value : throw new DriverException(new DriverError
        {
            Code = ErrorCode.Unauthenticated, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Field = key,
            Message = $"The credentials hold no {key}.",
        });
    }
}
