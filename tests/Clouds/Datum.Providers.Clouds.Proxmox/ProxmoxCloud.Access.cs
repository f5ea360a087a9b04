using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>Users, tokens, tickets, and who may do what where.</summary>
public sealed partial class ProxmoxCloud
{
    /// <summary>What the role Administrator has.</summary>
    private static readonly ImmutableSortedSet<string> Known8 =
    [
        "Datastore.Allocate", "Datastore.AllocateSpace", "Datastore.AllocateTemplate", "Datastore.Audit", "Mapping.Audit", "Mapping.Modify", "Mapping.Use",
        "Permissions.Modify", "Pool.Allocate", "Pool.Audit", "Realm.Allocate", "SDN.Allocate", "SDN.Audit", "SDN.Use", "Sys.AccessNetwork", "Sys.Audit", "Sys.Console",
        "Sys.Modify", "Sys.PowerMgmt", "Sys.Syslog", "User.Modify", "VM.Allocate", "VM.Audit", "VM.Backup", "VM.Clone", "VM.Config.CDROM", "VM.Config.CPU",
        "VM.Config.Cloudinit", "VM.Config.Disk", "VM.Config.HWType", "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options", "VM.Console", "VM.Migrate",
        "VM.Monitor", "VM.PowerMgmt", "VM.Snapshot", "VM.Snapshot.Rollback",
    ];

    private static readonly ImmutableSortedSet<string> Known9 = Known8.Remove("VM.Monitor")
        .Union(["VM.GuestAgent.Audit", "VM.GuestAgent.FileRead", "VM.GuestAgent.FileWrite", "VM.GuestAgent.FileSystemMgmt", "VM.GuestAgent.Unrestricted", "VM.Replicate"]);

    private readonly Dictionary<string, string> _passwords = new(StringComparer.Ordinal) { ["root@pam"] = "double" };
    private readonly Dictionary<string, (string Secret, bool Separated)> _tokens = new(StringComparer.Ordinal);
    private readonly List<(string Who, string Path, ImmutableSortedSet<string> Privileges, bool Propagate)> _grants = [];
    private readonly Dictionary<string, (string User, string Csrf, DateTimeOffset Until)> _tickets = new(StringComparer.Ordinal);

    /// <summary>Every privilege that this release knows.</summary>
    public ImmutableSortedSet<string> KnownPrivileges => Is9 ? Known9 : Known8;

    /// <summary>Makes a user with a password; with all privileges unless told otherwise.</summary>
    public void AddUser(string user, string password, bool administrator = true)
    {
        lock (_gate)
        {
            _passwords[user] = password;
            if (administrator)
                Grant(user, "/");
        }
    }

    /// <summary>Makes a token (<c>user@realm!name</c>), or gives it another secret; with all privileges unless told otherwise. A separated one has no more than its user.</summary>
    public void AddToken(string token, string secret, bool administrator = true, bool separated = true)
    {
        lock (_gate)
        {
            var user = token.Split('!')[0];
            if (_passwords.TryAdd(user, "double") && user != "root@pam")
                Grant(user, "/");
            _tokens[token] = (secret, separated);
            if (administrator)
                Grant(token, "/");
        }
    }

    /// <summary>Takes a token or a user with its tickets away.</summary>
    public void RemoveUser(string who)
    {
        lock (_gate)
        {
            _tokens.Remove(who);
            _passwords.Remove(who);
            foreach (var ticket in _tickets.Where(t => t.Value.User == who).Select(t => t.Key).ToList())
                _tickets.Remove(ticket);
        }
    }

    /// <summary>Gives privileges at a path and below; without any named all. They replace what is inherited from above, as roles do.</summary>
    public void Grant(string who, string path, params IReadOnlyCollection<string> privileges)
    {
        lock (_gate)
            _grants.Add((who, path, privileges.Count == 0 ? KnownPrivileges : [.. privileges], true));
    }

    /// <summary>Takes all privileges of a user or token.</summary>
    public void Revoke(string who)
    {
        lock (_gate)
            _grants.RemoveAll(g => g.Who == who);
    }

    /// <summary>Ends every ticket.</summary>
    public void ExpireTickets()
    {
        lock (_gate)
            _tickets.Clear();
    }

    private void AddAccessRoutes()
    {
        _routes.Add("GET", "/access/ticket", null, _ => null);
        _routes.Add("POST", "/access/ticket", null, MakeTicket);
        _routes.Add("GET", "/access/permissions", null, ShowPermissions);
    }

    private Caller SignedIn(CloudRequest request, string path)
    {
        if (path == "/access/ticket" && request.Method == "POST")
            return Caller.Nobody;
        if (request.Header("Authorization") is { } header && header.StartsWith("PVEAPIToken", StringComparison.Ordinal))
            return ByToken(header["PVEAPIToken".Length..].TrimStart('=', ' '));
        if (TicketOf(request) is { } ticket)
            return ByTicket(request, ticket);
        if (Knobs.NeedsSignIn)
            throw new PveError(401, "No ticket");
        return Caller.Root;
    }

    private Caller ByToken(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        var bang = text.IndexOf('!', StringComparison.Ordinal);
        if (equals < 0 || bang < 0 || bang > equals)
            throw new PveError(401, "unable to parse API token");
        var token = text[..equals];
        if (!_passwords.ContainsKey(token[..bang]))
            throw new PveError(401, "no such user ('" + token[..bang] + "')");
        if (!_tokens.TryGetValue(token, out var known))
            throw new PveError(401, $"no such token '{token[(bang + 1)..]}' for user '{token[..bang]}'");
        if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(known.Secret), Encoding.UTF8.GetBytes(text[(equals + 1)..])))
            throw new PveError(401, "invalid token value!");
        return new Caller(token[..bang], token);
    }

    private static string? TicketOf(CloudRequest request)
    {
        foreach (var header in request.Headers.Where(h => h.Key.Equals("Cookie", StringComparison.OrdinalIgnoreCase)))
            foreach (var cookie in header.Value.Split(';', StringSplitOptions.TrimEntries))
                if (cookie.StartsWith("PVEAuthCookie=", StringComparison.Ordinal))
                    return Uri.UnescapeDataString(cookie["PVEAuthCookie=".Length..]);
        return null;
    }

    private Caller ByTicket(CloudRequest request, string ticket)
    {
        if (!_tickets.TryGetValue(ticket, out var known) || known.Until <= Now)
            throw new PveError(401, "permission denied - invalid PVE ticket");
        if (request.Method != "GET" && request.Header("CSRFPreventionToken") != known.Csrf)
            throw new PveError(401, "Permission denied - invalid csrf token");
        return new Caller(known.User, null);
    }

    private JsonNode? MakeTicket(PveRequest r)
    {
        var user = r.Text("username");
        if (!user.Contains('@', StringComparison.Ordinal))
            user += "@" + (r.Find("realm") ?? "pam");
        var password = r.Text("password");
        // A ticket is as good as the password while it lives: that is how clients renew it.
        var renews = _tickets.TryGetValue(password, out var old) && old.User == user && old.Until > Now;
        if (!renews && (!_passwords.TryGetValue(user, out var right) || right != password))
            throw new PveError(401, "authentication failure");
        var stamp = Now.ToUnixTimeSeconds().ToString("X8", CultureInfo.InvariantCulture);
        var ticket = $"PVE:{user}:{stamp}::{Convert.ToBase64String(RandomNumberGenerator.GetBytes(48))}";
        var csrf = $"{stamp}:{Convert.ToBase64String(RandomNumberGenerator.GetBytes(32))}";
        _tickets[ticket] = (user, csrf, Now + Knobs.TicketLife);
        return new JsonObject
        {
            ["username"] = user,
            ["ticket"] = ticket,
            ["CSRFPreventionToken"] = csrf,
            ["clustername"] = ClusterName,
            ["cap"] = new JsonObject(),
        };
    }

    private JsonNode? ShowPermissions(PveRequest r)
    {
        var who = r.Find("userid") is { } other && other != r.Caller.Name ? new Caller(other.Split('!')[0], other.Contains('!', StringComparison.Ordinal) ? other : null) : r.Caller;
        if (who != r.Caller && !Has(r.Caller, "/access", "Sys.Audit"))
            throw PveError.Forbidden("/access", "Sys.Audit");
        var paths = r.Find("path") is { } one ? [one] : _grants.Where(g => g.Who == who.Name || g.Who == who.User).Select(g => g.Path).Append("/").Distinct().Order(StringComparer.Ordinal).ToArray();
        var shown = new JsonObject();
        foreach (var path in paths)
        {
            var privileges = KnownPrivileges.Where(p => Has(who, path, p)).ToList();
            if (privileges.Count > 0 || r.Has("path"))
                shown[path] = new JsonObject(privileges.Select(p => KeyValuePair.Create(p, (JsonNode?)1)));
        }

        return shown;
    }

    /// <summary>Refuses the caller who has none of the privileges at the path; names in braces are the request's.</summary>
    private void Demand(PveRequest r, string privilege)
    {
        var blank = privilege.IndexOf(' ', StringComparison.Ordinal);
        var path = privilege[..blank];
        foreach (var name in (string[])["vmid", "storage", "zone", "vnet", "poolid", "node"])
            path = path.Replace("{" + name + "}", r.Find(name) ?? "", StringComparison.Ordinal);
        DemandAny(r.Caller, path, privilege[(blank + 1)..]);
    }

    private void DemandAny(Caller caller, string path, string privileges)
    {
        if (!privileges.Split('|').Any(p => Has(caller, path, p)))
            throw PveError.Forbidden(path, privileges);
    }

    private bool Has(Caller caller, string path, string privilege)
    {
        if (caller.IsRoot)
            return true;
        if (Knobs.Denied.Contains(privilege))
            return false;
        if (caller.Token is not { } token || !_tokens.TryGetValue(token, out var known))
            return HasAt(caller.User, path, privilege);
        if (!known.Separated)
            return caller.User == "root@pam" || HasAt(caller.User, path, privilege);
        return HasAt(token, path, privilege) && (caller.User == "root@pam" || HasAt(caller.User, path, privilege));
    }

    private bool HasAt(string who, string path, string privilege)
    {
        // A pool's privileges hold for its machines and storages too.
        if (path.StartsWith("/vms/", StringComparison.Ordinal) && int.TryParse(path.AsSpan(5), out var id) && _machines.TryGetValue(id, out var machine)
            && machine.Pool is { } pool && Inherited(who, "/pool/" + pool, "/pool").Contains(privilege))
        {
            return true;
        }

        return Inherited(who, path, "").Contains(privilege);
    }

    /// <summary>What somebody has at a path: the nearest entry at or above it counts, and none above <paramref name="floor"/>.</summary>
    private ImmutableSortedSet<string> Inherited(string who, string path, string floor)
    {
        for (var at = path; ; at = at[..Math.Max(at.LastIndexOf('/'), 0)])
        {
            var here = at.Length == 0 ? "/" : at;
            var found = _grants.Where(g => g.Who == who && g.Path == here && (g.Propagate || here == path)).ToList();
            if (found.Count > 0)
                return found.SelectMany(g => g.Privileges).ToImmutableSortedSet();
            if (here == "/" || at == floor)
                return [];
        }
    }

    private static JsonArray Index(params ReadOnlySpan<string> names)
    {
        var index = new JsonArray();
        foreach (var name in names)
            index.Add(new JsonObject { ["subdir"] = name });
        return index;
    }
}
