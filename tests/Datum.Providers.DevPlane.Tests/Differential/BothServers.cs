using Datum.Providers.Testing;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>The shared real server beside an embedded one of its own, for comparisons.</summary>
internal sealed class BothServers : IAsyncDisposable
{
    private BothServers(PlaneClient real, PlaneClient ours, DevPlaneServer embedded) => (Real, Ours, Embedded) = (real, ours, embedded);

    public PlaneClient Real { get; }

    public PlaneClient Ours { get; }

    public DevPlaneServer Embedded { get; }

    public static async Task<BothServers> StartAsync(ICelRules? rules = null)
    {
        var server = await RealApiServer.SharedAsync();
        var real = PlaneClient.For(Path.GetDirectoryName(server.KubeConfigPath)!, server.Port);
        var embedded = await DevPlaneServer.StartAsync(new DevPlaneOptions { Tokens = [new PlaneToken { Token = "t" }], CelRules = rules ?? new CelRules() });
        return new BothServers(real, PlaneClient.For(embedded, "t"), embedded);
    }

    /// <summary>Sends one request to both and fails where the answers differ. Returns the embedded server's.</summary>
    public async Task<Answer> CompareAsync(string method, string path, string? body = null, string? type = null, string? about = null)
    {
        var wanted = await Real.SendAsync(method, path, body, type);
        var got = await Ours.SendAsync(method, path, body, type);
        Alike(wanted, got, $"{about}\n{method} {path} {type}\n{body}");
        return got;
    }

    /// <summary>Fails with the lines in which the two answers differ.</summary>
    public static void Alike(Answer wanted, Answer got, string about)
    {
        var (real, ours) = (Normal.Show(wanted, loose: false), Normal.Show(got, loose: false));
        if (real == ours) return;
        var (left, right) = (real.Split('\n'), ours.Split('\n'));
        var lines = left.Except(right).Select(l => "real     " + l).Concat(right.Except(left).Select(l => "embedded " + l));
        Assert.Fail($"{about}\n{string.Join('\n', lines)}");
    }

    /// <summary>Sends one request to both; both must answer with the code.</summary>
    public async Task ExpectAsync(int code, string method, string path, string? body = null, string? type = null)
    {
        foreach (var client in (PlaneClient[])[Real, Ours]) await client.ExpectAsync(code, method, path, body, type);
    }

    public Task ServedAsync(string path) => Eventually.HoldsAsync(
        async () => (await Real.SendAsync("GET", path)).Code == 200 && (await Ours.SendAsync("GET", path)).Code == 200, path + " is served");

    public async ValueTask DisposeAsync()
    {
        Real.Dispose();
        Ours.Dispose();
        await Embedded.DisposeAsync();
    }
}
