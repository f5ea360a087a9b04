using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Datum.Providers.ControlPlane.Export;

/// <summary>
/// The way out for export policies. Each connection resolves the name itself, holds every address against the guard and connects to an address
/// that passed, so that nothing can change between the check and its use. No redirects, cookies or proxies; answers are hardly read.
/// </summary>
public static class GuardedHandler
{
    private const int MaxHeaderKiB = 16;
    private const int MaxDrained = 16 * 1024;
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    /// <param name="resolve">Addresses of a name; the system's resolver when null.</param>
    public static SocketsHttpHandler Create(DestinationGuard guard, Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null)
    {
        ArgumentNullException.ThrowIfNull(guard);
        resolve ??= Dns.GetHostAddressesAsync;
        return new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = ConnectTimeout,
            // A name's new addresses are noticed, and checked.
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            MaxResponseHeadersLength = MaxHeaderKiB,
            MaxResponseDrainSize = MaxDrained,
            ResponseDrainTimeout = TimeSpan.FromSeconds(1),
            // Trace ids are the operator's.
            ActivityHeadersPropagator = DistributedContextPropagator.CreateNoOutputPropagator(),
            ConnectCallback = (context, cancellation) => ConnectAsync(guard, resolve, context.DnsEndPoint, cancellation),
        };
    }

    /// <summary>The addresses of this machine's interfaces.</summary>
    public static IReadOnlyCollection<IPAddress> OwnAddresses() =>
        [.. NetworkInterface.GetAllNetworkInterfaces().SelectMany(i => i.GetIPProperties().UnicastAddresses).Select(a => a.Address)];

    private static async ValueTask<Stream> ConnectAsync(DestinationGuard guard, Func<string, CancellationToken, Task<IPAddress[]>> resolve, DnsEndPoint to, CancellationToken cancellation)
    {
        var found = IPAddress.TryParse(to.Host, out var literal) ? [literal] : await resolve(to.Host, cancellation);
        string? refused = null;
        var passed = new List<IPAddress>();
        foreach (var address in found)
        {
            if (guard.Refuses(address) is { } what)
                refused ??= what;
            else
                passed.Add(address);
        }

        if (passed.Count == 0)
            throw refused is null ? new IOException("The name has no address.") : new DestinationRefusedException(refused);

        Exception? last = null;
        foreach (var address in passed)
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(new IPEndPoint(address, to.Port), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (Exception e)
            {
                socket.Dispose();
                if (e is not SocketException)
                    throw;
                last = e;
            }
        }

        throw last!;
    }
}
