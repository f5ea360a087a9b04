namespace Datum.Providers.Clouds.Gcp;

/// <summary>What tests see and do behind the API's back. Paths are below the project: <c>zones/z/instances/name</c>, <c>secrets/name</c>.</summary>
public sealed partial class GcpCloud
{
    /// <summary>Every object with its body as JSON and a number that changes with it. Secrets' bodies hold no values.</summary>
    public IReadOnlyList<GcpObject> Objects
    {
        get
        {
            lock (_gate)
            {
                Settle();
                return
                [
                    .. _items.Values.Select(i => new GcpObject(i.Path, i.Collection, (JsonObject)i.Body.DeepClone(), i.Revision)),
                    .. _secrets.Values.Select(s => new GcpObject("secrets/" + s.Name, "secrets", (JsonObject)s.Body.DeepClone(), s.Revision)),
                ];
            }
        }
    }

    /// <summary>Takes an object away, as a person would, with what goes with it. False when it isn't there.</summary>
    public bool Vanish(string path)
    {
        lock (_gate)
        {
            if (path.StartsWith("secrets/", StringComparison.Ordinal))
                return _secrets.Remove(path[8..]);
            if (!_items.TryGetValue(path, out var item))
                return false;
            Remove(item);
            return true;
        }
    }

    /// <summary>Changes an object's body. False when it isn't there.</summary>
    public bool Edit(string path, Action<JsonObject> change)
    {
        lock (_gate)
        {
            if (path.StartsWith("secrets/", StringComparison.Ordinal) && _secrets.TryGetValue(path[8..], out var secret))
            {
                change(secret.Body);
                TouchSecret(secret);
                return true;
            }

            if (!_items.TryGetValue(path, out var item))
                return false;
            change(item.Body);
            Touch(item);
            return true;
        }
    }

    /// <summary>Copies an object under another name, with its labels and description; returns the copy's path.</summary>
    public string Copy(string path, string name)
    {
        lock (_gate)
        {
            var now = _time.GetUtcNow();
            if (path.StartsWith("secrets/", StringComparison.Ordinal))
            {
                var body = (JsonObject)_secrets[path[8..]].Body.DeepClone();
                body["name"] = $"projects/{ProjectNumber}/secrets/{name}";
                _secrets[name] = new SecretItem { Name = name, Body = body, Created = now, ListedFrom = now };
                return "secrets/" + name;
            }

            var item = _items[path];
            var copy = new Item { Path = $"{item.Scope}/{item.Collection}/{name}", Collection = item.Collection, Scope = item.Scope, Created = now, ListedFrom = now, Body = (JsonObject)item.Body.DeepClone() };
            copy["name"] = name;
            copy["id"] = NextId();
            copy["selfLink"] = Link(copy.Path);
            // A clone has no disk of the original's.
            if (item.Collection == "instances")
                copy.Body["disks"] = new JsonArray();
            copy.Body.Remove("users");
            _items[copy.Path] = copy;
            return copy.Path;
        }
    }

    /// <summary>Sets what an instance's serial port holds.</summary>
    public bool SetSerial(string path, string text)
    {
        lock (_gate)
        {
            if (!_items.TryGetValue(path, out var item))
                return false;
            item.Serial = text;
            item.Revision++;
            return true;
        }
    }

    /// <summary>Puts an instance into a state that a person or the platform brought about.</summary>
    public bool SetStatus(string path, string status)
    {
        lock (_gate)
        {
            if (!_items.TryGetValue(path, out var item))
                return false;
            if (status == "TERMINATED")
                PowerOff(item);
            item["status"] = status;
            Touch(item);
            return true;
        }
    }
}

/// <summary>An object at the double.</summary>
/// <param name="Path">Path below the project.</param>
/// <param name="Collection">Its collection.</param>
/// <param name="Body">What a read shows.</param>
/// <param name="Revision">Changes with it.</param>
public sealed record GcpObject(string Path, string Collection, JsonObject Body, int Revision);
