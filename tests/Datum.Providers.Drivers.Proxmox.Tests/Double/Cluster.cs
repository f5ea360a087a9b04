using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Proxmox;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Proxmox.Tests.Double;

/// <summary>The double under a clock that a test moves, and calls to it over the handler that drivers use.</summary>
internal sealed class Cluster : IDisposable
{
    private readonly HttpClient _http;

    public Cluster(ProxmoxKnobs? knobs = null, string release = "9.1", bool holdsRequests = true)
    {
        Cloud = new ProxmoxCloud(Clock, knobs ?? new ProxmoxKnobs()) { Release = release, Description = Schemas.For(release), HoldsRequests = holdsRequests };
        _http = new HttpClient(new CloudHandler(Cloud)) { BaseAddress = new Uri("https://cluster.test/api2/json/") };
    }

    public ManualScheduler Clock { get; } = new();

    public ProxmoxCloud Cloud { get; }

    public string? Token { get; set; }

    public async Task<Answer> Send(string method, string path, params (string Name, string Value)[] parameters)
    {
        var form = string.Join('&', parameters.Select(p => $"{Uri.EscapeDataString(p.Name)}={Uri.EscapeDataString(p.Value)}"));
        var inBody = method is "POST" or "PUT";
        using var request = new HttpRequestMessage(new HttpMethod(method), path.TrimStart('/') + (inBody || form.Length == 0 ? "" : "?" + form));
        if (inBody)
            request.Content = new StringContent(form, System.Net.Http.Headers.MediaTypeHeaderValue.Parse("application/x-www-form-urlencoded"));
        return await Send(request);
    }

    public async Task<Answer> Send(HttpRequestMessage request)
    {
        if (Token is not null)
            request.Headers.TryAddWithoutValidation("Authorization", "PVEAPIToken=" + Token);
        using var response = await _http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        var body = text.Length == 0 ? null : JsonNode.Parse(text);
        return new Answer(response.StatusCode, response.ReasonPhrase ?? "", body?["data"], body?["errors"] as JsonObject);
    }

    /// <summary>The data of a call that must succeed.</summary>
    public async Task<JsonNode?> Get(string method, string path, params (string Name, string Value)[] parameters)
    {
        var answer = await Send(method, path, parameters);
        Assert.That(answer.Status, Is.EqualTo(HttpStatusCode.OK), $"{method} {path}: {answer.Reason} {answer.Errors?.ToJsonString()}");
        return answer.Data;
    }

    /// <summary>A call that begins a task; time passes until it has ended. Returns how.</summary>
    public async Task<string> Task(string method, string path, params (string Name, string Value)[] parameters)
    {
        var upid = (await Get(method, path, parameters))!.ToString();
        for (var i = 0; i < 100; i++)
        {
            var status = await Get("GET", $"/nodes/{upid.Split(':')[1]}/tasks/{upid}/status");
            if (status!["status"]!.ToString() == "stopped")
                return status["exitstatus"]!.ToString();
            Clock.Advance(TimeSpan.FromSeconds(1));
        }

        throw new AssertionException($"{method} {path}: {upid} doesn't end.");
    }

    /// <summary>A machine with one disk and one card, off.</summary>
    public async Task<int> Machine(int id = 100, string node = "pve1", params (string Name, string Value)[] more)
    {
        var exit = await Task("POST", $"/nodes/{node}/qemu",
            [("vmid", id.ToString(CultureInfo.InvariantCulture)), ("name", $"m{id}"), ("cores", "2"), ("memory", "2048"), ("scsi0", "ceph:8"), ("net0", "virtio,bridge=vmbr0"), ("agent", "enabled=1"), .. more]);
        Assert.That(exit, Is.EqualTo("OK"));
        return id;
    }

    public async Task<JsonObject> Config(int id, string node = "pve1") => (JsonObject)(await Get("GET", $"/nodes/{node}/qemu/{id}/config"))!;

    public void Dispose()
    {
        _http.Dispose();
        Assert.That(Cloud.Violations, Is.Empty, "Something isn't as the platform's description says.");
    }
}

internal sealed record Answer(HttpStatusCode Status, string Reason, JsonNode? Data, JsonObject? Errors);
