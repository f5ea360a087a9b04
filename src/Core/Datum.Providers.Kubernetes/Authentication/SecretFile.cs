namespace Datum.Providers.Kubernetes;

/// <summary>A file that holds a secret: read whole, small, and not when everybody on the machine may read it.</summary>
internal static class SecretFile
{
    private const int MaxSize = 64 << 10;

    private const UnixFileMode Others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute | UnixFileMode.GroupWrite;

    /// <exception cref="KubeConfigException">It can't be read, is too large, or others may reach it.</exception>
    public static string Read(string path)
    {
        try
        {
            // The open file's mode: a mounted Secret is a link, and links have none of their own.
            using var handle = File.OpenHandle(path);
            if (!OperatingSystem.IsWindows() && File.GetUnixFileMode(handle) is var mode && (mode & Others) != 0)
                throw new KubeConfigException($"{path}: its mode is {Convert.ToString((int)mode, 8)}, so others may reach the secret in it. chmod 600 it; of a mounted Secret set defaultMode 0400 or 0440.");
            var length = RandomAccess.GetLength(handle);
            if (length > MaxSize)
                throw new KubeConfigException($"{path}: is larger than {MaxSize} bytes; name the file with the key or token.");
            using var reader = new StreamReader(new FileStream(handle, FileAccess.Read));
            return reader.ReadToEnd();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new KubeConfigException($"{path}: can't be read ({error.Message}). Make the file readable or name another.", error);
        }
    }
}
