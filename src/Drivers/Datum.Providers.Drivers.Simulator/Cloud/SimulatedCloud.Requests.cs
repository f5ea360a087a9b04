using System.Security.Cryptography;
using System.Text.Json;

namespace Datum.Providers.Drivers.Simulator;

public sealed partial class SimulatedCloud
{
    private CloudResponse Route(CloudRequest request)
    {
        var (collection, id) = (request.Collection, request.Id);
        if (collection == "account" && request.Method == HttpMethod.Get)
            return CloudResponse.Of(200, new CloudAccount { AccountId = _accountId, Version = "1.0" }, CloudJson.Default.CloudAccount);
        if (collection == "operations" && request.Method == HttpMethod.Get && id is not null)
            return GetOperation(id);
        if (request.Method == HttpMethod.Get && request.Segments.Length == 1)
        {
            if (collection == "images")
                return ListImages(request);
            if (collection == "sizes")
                return ListSizes(request);
            if (collection == "quotas")
                return GetQuotas();
            if (collection == "usage")
                return ListUsage(request);
        }

        if (Collections.KindOf(collection) == ResourceKind.Unknown || request.Segments.Length > 3)
            return CloudResponse.Error(404, "NO_SUCH_PATH", "There is no such path.");
        if (id is null)
        {
            if (request.Method == HttpMethod.Get)
                return List(request);
            return request.Method == HttpMethod.Post ? Create(request) : NotAllowed();
        }

        if (request.Segments.Length == 3 && collection == Collections.Servers && request.Method == HttpMethod.Get && request.Segments[2] == "console")
            return GetConsole(id, request);
        if (request.Segments.Length == 3)
            return request.Method == HttpMethod.Post && collection == Collections.Servers ? Act(id, request.Segments[2], request) : NotAllowed();
        if (request.Method == HttpMethod.Get)
            return Get(collection, id);
        if (request.Method == HttpMethod.Patch)
            return Patch(request, id);
        return request.Method == HttpMethod.Delete ? Delete(collection, id) : NotAllowed();
    }

    private CloudResponse Get(string collection, string id)
    {
        if (Find(collection, id) is { } item)
            return Now < item.CreatedAt + _knobs.ConsistencyWindow ? NotFound(id) : CloudResponse.Of(200, Public(item), CloudJson.Default.CloudObject);
        return _ghosts.Any(g => g.Object.Id == id && Now < g.GoneAt + _knobs.TombstoneLife)
            ? CloudResponse.Error(410, "GONE", $"{id} was deleted.")
            : NotFound(id);
    }

    private CloudResponse GetOperation(string id)
    {
        if (!_operations.TryGetValue(id, out var operation) || operation.Forgotten)
            return NotFound(id);
        var shown = operation with
        {
            Fate = null,
            FateKeepsObject = false,
            TargetId = operation.Status == "RUNNING" && _knobs.IdsOnlyInOperation ? null : operation.TargetId,
        };
        return CloudResponse.Of(200, shown, CloudJson.Default.CloudOperation);
    }

    private CloudResponse List(CloudRequest request)
    {
        var kind = Collections.KindOf(request.Collection);
        var manual = _knobs.CreateClassOf(kind) == CreateClass.Manual;
        var delay = _knobs.ConsistencyWindow > _knobs.ListLag ? _knobs.ConsistencyWindow : _knobs.ListLag;
        var shown = _objects.Values
            .Concat(_ghosts.Where(g => Now < g.GoneAt + _knobs.ListLag).Select(g => g.Object))
            .Where(o => o.Collection == request.Collection && Now >= o.CreatedAt + delay)
            .Where(o => o.Zone is null || !_knobs.UnreachableZones.Contains(o.Zone))
            // A platform of class D shows no labels in lists, so nothing can be found by them.
            .Select(o => manual ? o with { Labels = null } : o);
        if (request.Query.TryGetValue("unattached", out var unattached) && unattached == "true")
            shown = shown.Where(o => o.AttachedTo is null);
        if (!TryLabels(request, out var pairs))
            return BadLabels();

        // match=any: the name or all of the labels; else both.
        var named = request.Query.TryGetValue("name", out var name);
        if (named && pairs.Count > 0 && request.Query.GetValueOrDefault("match") == "any")
            shown = shown.Where(o => o.Name == name || HasLabels(o));
        else
            shown = shown.Where(o => (!named || o.Name == name) && HasLabels(o));

        var limit = Limit(request);
        var after = request.Query.GetValueOrDefault("after", "");
        if (after.Length > 0 && !after.StartsWith(IdPrefix(request.Collection), StringComparison.Ordinal))
            return CloudResponse.Error(400, "INVALID_CURSOR", $"after is no id of {request.Collection}.");
        var rest = shown.OrderBy(o => o.Id, StringComparer.Ordinal).Where(o => string.CompareOrdinal(o.Id, after) > 0).Take(limit + 1).ToList();
        var more = rest.Count > limit;
        var page = more ? rest[..limit] : rest;
        return CloudResponse.Of(200, new CloudPage
        {
            Items = [.. page.Select(Public)],
            Next = more ? page[^1].Id : null,
            Unreachable = [.. _knobs.UnreachableZones.Order(StringComparer.Ordinal)],
        }, CloudJson.Default.CloudPage);

        bool HasLabels(CloudObject item) => Labelled(item, pairs);
    }

    private static bool TryLabels(CloudRequest request, out List<KeyValuePair<string, string>> pairs)
    {
        pairs = [];
        foreach (var pair in request.Query.TryGetValue("labels", out var labels) ? labels.Split(',') : [])
        {
            var colon = pair.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0)
                return false;
            pairs.Add(new(pair[..colon], pair[(colon + 1)..]));
        }

        return true;
    }

    private static CloudResponse BadLabels() => CloudResponse.Error(400, "INVALID", "labels is key:value, separated by commas.");

    private static bool Labelled(CloudObject item, List<KeyValuePair<string, string>> pairs) =>
        pairs.All(p => item.Labels is not null && item.Labels.TryGetValue(p.Key, out var has) && has == p.Value);

    private CloudResponse Create(CloudRequest request)
    {
        if (!TryRead(request, out var wish))
            return CloudResponse.Error(400, "INVALID", "The body is no object.");
        var kind = Collections.KindOf(request.Collection);
        var createClass = _knobs.CreateClassOf(kind);
        var bodyHash = Convert.ToHexStringLower(SHA256.HashData(request.Body.Span));
        var tokenKey = $"{request.Collection}/{request.Token}";
        if (createClass == CreateClass.Token && request.Token is not null && _tokens.TryGetValue(tokenKey, out var used) && Now < used.ExpiresAt)
        {
            return used.BodyHash == bodyHash
                ? Accepted(used.TargetId, used.OperationId)
                : CloudResponse.Error(422, "TOKEN_REUSED", "The token was used for another request.");
        }

        if (createClass == CreateClass.Named)
        {
            if (string.IsNullOrEmpty(wish.Name))
                return CloudResponse.Error(400, "INVALID", "A name is required.");
            if (_objects.Values.FirstOrDefault(o => o.Collection == request.Collection && o.Name == wish.Name) is { } holder)
                return CloudResponse.Error(409, "ALREADY_EXISTS", $"The name {wish.Name} is taken.", [holder.Id]);
        }

        if (Refuse(request.Collection, wish) is { } refusal)
            return refusal;
        var item = Build(request.Collection, wish);
        if (item.Error is not null)
            return CloudResponse.Error(409, item.Error.Code, item.Error.Message);
        Store(item);
        Attach(item);
        Audit.Record(AuditEvent.Created, item, Now);
        _creates[item.Collection] = _creates.GetValueOrDefault(item.Collection) + 1;
        string? operationId = null;
        if (!_knobs.NeedsApproval.Contains(kind))
            Begin(item, out operationId);
        if (createClass == CreateClass.Token && request.Token is not null)
            _tokens[tokenKey] = new CloudToken { TargetId = item.Id, OperationId = operationId, BodyHash = bodyHash, ExpiresAt = Now + _knobs.TokenLife };
        return Accepted(item.Id, operationId);
    }

    private CloudResponse Patch(CloudRequest request, string id)
    {
        if (Find(request.Collection, id) is not { } item)
            return NotFound(id);
        if (!TryRead(request, out var wish))
            return CloudResponse.Error(400, "INVALID", "The body is no object.");
        if (item.State == CloudStates.Deleting)
            return CloudResponse.Error(409, "NOT_READY", $"{id} is being deleted.");
        if (request.IfMatch is { } revision && revision != Public(item).Revision)
            return CloudResponse.Error(412, "REVISION_MISMATCH", $"{id} changed since revision {revision}.");
        var changed = item with { Labels = wish.Labels ?? item.Labels };
        switch (request.Collection)
        {
            case Collections.Networks:
                if (wish.Ranges is { } ranges && (item.Ranges ?? []).Except(ranges, StringComparer.Ordinal).FirstOrDefault() is { } lost)
                    return CloudResponse.Error(400, "CANNOT_SHRINK", $"The range {lost} of a network can't be taken away.");
                changed = changed with { Mtu = wish.Mtu ?? item.Mtu, Ranges = wish.Ranges ?? item.Ranges };
                break;
            case Collections.Firewalls:
                changed = changed with { Rules = wish.Rules ?? item.Rules };
                break;
            case Collections.Disks:
                if (wish.SizeGiB < item.SizeGiB)
                    return CloudResponse.Error(400, "CANNOT_SHRINK", "A disk only grows.");
                changed = changed with { SizeGiB = wish.SizeGiB ?? item.SizeGiB };
                break;
            case Collections.Secrets:
                changed = TakeContent(changed, wish);
                break;
            case Collections.Nics:
                if (wish.FirewallIds is { } firewalls && firewalls.FirstOrDefault(f => Find(Collections.Firewalls, f) is null) is { } missing)
                    return CloudResponse.Error(400, "NO_SUCH_REFERENCE", $"There is no firewall {missing}.");
                changed = changed with { FirewallIds = wish.FirewallIds ?? item.FirewallIds };
                break;
            case Collections.Servers:
                changed = changed with { StopGraceSeconds = wish.StopGraceSeconds ?? item.StopGraceSeconds };
                break;
            default:
                break;
        }

        Store(changed);
        // Another mark on the same object: taken over or let go, not made.
        if (wish.Labels is not null)
            Audit.Record(AuditEvent.Marked, changed, Now);
        return CloudResponse.Of(200, Public(_objects[id]), CloudJson.Default.CloudObject);
    }

    private CloudResponse Delete(string collection, string id)
    {
        if (Find(collection, id) is not { } item)
            return Get(collection, id) is { Status: 410 } gone ? gone : NotFound(id);
        if (item.State == CloudStates.Deleting)
            return Accepted(id, _operations.Values.FirstOrDefault(o => o.TargetId == id && o.Verb == "delete" && o.Status == "RUNNING")?.Id);
        var users = UsersOf(item);
        if (users.Length > 0)
            return CloudResponse.Error(409, "IN_USE", $"{id} is used by {string.Join(", ", users)}.", users);
        // A running guest is asked to stop before its server goes.
        var duration = _knobs.DurationOf(Collections.KindOf(collection))
            + (collection == Collections.Servers && item.State == CloudStates.Ready ? StopTime(item) : TimeSpan.Zero);
        var fate = TakeFate(collection, "delete");
        if (duration == TimeSpan.Zero && fate is null)
        {
            Remove(item, AuditEvent.Deleted);
            return new CloudResponse { Status = 204 };
        }

        Store(item with { State = CloudStates.Deleting });
        return Accepted(id, StartOperation("delete", item, duration, fate));
    }

    private CloudResponse Accepted(string targetId, string? operationId)
    {
        var hidden = _knobs.IdsOnlyInOperation && operationId is not null;
        _objects.TryGetValue(targetId, out var item);
        var running = operationId is not null;
        return CloudResponse.Of(running ? 202 : 200, new CloudAccepted
        {
            Object = hidden || item is null ? null : Public(item),
            OperationId = operationId,
            TargetId = hidden ? null : targetId,
            OperationExpiresAt = operationId is not null && _operations.TryGetValue(operationId, out var operation) && operation.Due < DateTimeOffset.MaxValue - _knobs.OperationLife
                ? operation.Due + _knobs.OperationLife
                : null,
        }, CloudJson.Default.CloudAccepted);
    }

    private static bool TryRead(CloudRequest request, out CloudObject wish)
    {
        wish = new CloudObject();
        try
        {
            if (JsonSerializer.Deserialize(request.Body.Span, CloudJson.Default.CloudObject) is not { } read)
                return false;
            wish = read;
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static CloudResponse NotFound(string id) => CloudResponse.Error(404, "NOT_FOUND", $"There is no {id}.");

    private static CloudResponse NotAllowed() => CloudResponse.Error(405, "METHOD_NOT_ALLOWED", "The method isn't allowed here.");
}
